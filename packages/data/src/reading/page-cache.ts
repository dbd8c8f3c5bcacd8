import type { Pixels } from '../pixels.js'

/** Maximum memory of the decoded pages, in bytes. */
const MOST_BYTES = 2 ** 29

/** Keeps the last decoded pages, since neighbouring tiles are often read one after the other. */
export class PageCache {
  readonly #pages = new Map<string, Promise<Pixels>>()
  readonly #bytes = new Map<string, number>()

  /** The page of this name, if it is kept or being decoded. */
  get(name: string): Promise<Pixels> | undefined {
    const known = this.#pages.get(name)
    if (!known) return undefined
    // The map's order is that of the last use.
    this.#pages.delete(name)
    this.#pages.set(name, known)
    return known
  }

  /** Decodes a page and keeps it, unless it is known meanwhile. */
  add(name: string, decode: () => Promise<Pixels>): Promise<Pixels> {
    const known = this.get(name)
    if (known) return known
    const page = decode()
    this.#pages.set(name, page)
    page.then(
      ({ data }) => {
        this.#bytes.set(name, data.length)
        this.#shrink()
      },
      () => this.#pages.delete(name),
    )
    return page
  }

  #shrink(): void {
    let total = [...this.#bytes.values()].reduce((sum, bytes) => sum + bytes, 0)
    for (const name of [...this.#pages.keys()]) {
      if (total <= MOST_BYTES || this.#pages.size === 1) return
      const bytes = this.#bytes.get(name)
      if (bytes === undefined) continue // still being decoded
      this.#pages.delete(name)
      this.#bytes.delete(name)
      total -= bytes
    }
  }
}
