import { createHash } from 'node:crypto'
import { relative, resolve, sep } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { findRuns } from './find-runs.js'
import type { RunView } from './page-data.js'
import { RunReader } from './run-reader.js'

export interface LiveRunsOptions {
  /** interval between checks of the folders, in ms */
  readonly everyMs: number
  readonly onChange: (id: string) => void
  readonly onGone: (id: string) => void
}

/** Follows all runs in and below a folder, including runs that are added or removed. */
export class LiveRuns {
  readonly #root: string
  readonly #options: LiveRunsOptions
  readonly #readers = new Map<string, RunReader>()
  readonly #stop = new AbortController()
  #loop: Promise<void> | undefined

  constructor(root: string, options: LiveRunsOptions) {
    this.#root = root
    this.#options = options
  }

  /** Starts following. The runs are read one after the other, and `onChange` is called for each. */
  start(): void {
    this.#loop ??= this.#follow()
  }

  /** Stops following. */
  async close(): Promise<void> {
    this.#stop.abort()
    await this.#loop
  }

  /** All runs, newest first. */
  views(): RunView[] {
    const views = [...this.#readers.values()].map((reader) => reader.view())
    return views.sort((a, b) => b.updated - a.updated)
  }

  /** One run; undefined if there is none with this id. */
  view(id: string): RunView | undefined {
    return this.#readers.get(id)?.view()
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      await this.#refresh()
      await setTimeout(this.#options.everyMs, undefined, { signal }).catch(() => {})
    }
  }

  async #refresh(): Promise<void> {
    const folders = await findRuns(this.#root)
    const ids = new Map(folders.map((folder) => [idOf(folder), folder]))
    for (const id of [...this.#readers.keys()]) {
      if (ids.has(id)) continue
      this.#readers.delete(id)
      this.#options.onGone(id)
    }
    for (const [id, folder] of ids) {
      if (this.#stop.signal.aborted) return
      const known = this.#readers.get(id)
      const reader = known ?? new RunReader(folder, { id, name: this.#nameOf(folder) })
      const changed = await reader.update().catch(() => false)
      this.#readers.set(id, reader)
      if (changed || !known) this.#options.onChange(id)
    }
  }

  #nameOf(folder: string): string {
    return relative(this.#root, folder).split(sep).join('/') || folder
  }
}

/** An id that is stable for a folder and does not reveal its path. */
function idOf(folder: string): string {
  return createHash('sha256').update(resolve(folder)).digest('hex').slice(0, 16)
}
