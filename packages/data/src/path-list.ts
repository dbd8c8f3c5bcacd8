import { relative } from 'node:path'

/**
 * Stores many paths in little memory, about 30 bytes per file: each folder once, and file names packed in one buffer.
 */
export class PathList {
  readonly #folders: string[] = []
  #names = Buffer.alloc(1 << 16)
  #used = 0
  #ends = new Float64Array(1 << 10)
  #folderOf = new Uint32Array(1 << 10)
  #count = 0

  get length(): number {
    return this.#count
  }

  /** Used memory in bytes, without the folders' names. */
  get bytes(): number {
    return this.#names.length + this.#ends.byteLength + this.#folderOf.byteLength
  }

  /** Adds a folder. @returns its number, for `add` */
  addFolder(path: string): number {
    return this.#folders.push(path) - 1
  }

  /** Adds a file. @param folder number of its folder */
  add(folder: number, name: string): void {
    const bytes = Buffer.byteLength(name)
    if (this.#used + bytes > this.#names.length) {
      const larger = Buffer.alloc(Math.max(this.#names.length * 1.5, this.#used + bytes))
      this.#names.copy(larger, 0, 0, this.#used)
      this.#names = larger
    }
    if (this.#count === this.#ends.length) {
      const larger = Math.ceil(this.#count * 1.5)
      this.#ends = grown(this.#ends, new Float64Array(larger))
      this.#folderOf = grown(this.#folderOf, new Uint32Array(larger))
    }
    this.#names.write(name, this.#used)
    this.#used += bytes
    this.#ends[this.#count] = this.#used
    this.#folderOf[this.#count] = folder
    this.#count++
  }

  /** Name of a file in its folder. */
  name(index: number): string {
    return this.#names.toString('utf8', index === 0 ? 0 : this.#ends[index - 1]!, this.#ends[index]!)
  }

  /** Path of a file's folder. */
  folder(index: number): string {
    return this.#folders[this.#folderOf[index]!]!
  }

  /** Number of a file's folder. */
  folderNumber(index: number): number {
    return this.#folderOf[index]!
  }

  /** Path of a file. */
  path(index: number): string {
    return `${this.folder(index)}/${this.name(index)}`
  }

  /** Passes all names, relative to `root`, to a hash function, so that the fingerprint does not depend on the folder's location. */
  digestInto(update: (bytes: Uint8Array | string) => unknown, root: string): void {
    for (const folder of this.#folders) update(`${relative(root, folder)}\n`)
    update(this.#names.subarray(0, this.#used))
    update(new Uint8Array(this.#ends.buffer, 0, this.#count * 8))
  }
}

function grown<A extends Float64Array | Uint32Array>(from: A, into: A): A {
  into.set(from)
  return into
}
