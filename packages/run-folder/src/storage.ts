import { SelfsupError } from '@selfsup/core'

/**
 * What the files of runs need of the place where they are kept: the file system in Node (`diskStorage`), a database in browsers
 * (`databaseStorage`). Both keep the same files, so that a run of a browser, written to a folder, is a run of Node. Paths name
 * files and folders; `join` makes them. A folder exists if something is in it.
 */
export interface RunStorage {
  join(...names: readonly string[]): string
  /** The last name of a path. */
  nameOf(path: string): string
  /** The path as a person reads it. */
  shown(path: string): string
  /** Makes sure that files can be written into a folder. @throws SelfsupError if they can't */
  makeFolder(folder: string): Promise<void>
  /** Whether a file exists. */
  has(path: string): Promise<boolean>
  /** Names of the files and folders in a folder; empty if there are none. @throws if it cannot be read */
  list(folder: string): Promise<string[]>
  /** Opens a file for reading. @throws SelfsupError with the code `not-found` if it does not exist */
  open(path: string): Promise<StoredFile>
  /** Writes a file: all parts one after the other, or nothing if that fails. */
  write(path: string, parts: readonly Uint8Array[]): Promise<void>
  /** Appends all of the data to a file, or none of it if that fails. The file need not exist. */
  append(path: string, data: Uint8Array): Promise<void>
  /** Shortens a file to a number of bytes. */
  cut(path: string, bytes: number): Promise<void>
  /** Removes a file, or a folder with everything in it, if it exists. */
  remove(path: string): Promise<void>
  /** Removes from a folder what writers left behind that were killed. */
  removeUnfinished(folder: string): Promise<void>
}

/** A file that is open for reading. */
export interface StoredFile {
  /** in bytes */
  readonly size: number
  /**
   * Fills `target` with the bytes from a position on.
   * @throws SelfsupError with the message `ended` and the code `damaged-file` if the file ends before
   */
  read(target: Uint8Array, position: number, ended: string): Promise<void>
  close(): Promise<void>
}

/** Reads the text of a file. @throws SelfsupError if it does not exist or has more than `most` bytes */
export async function readStoredText(storage: RunStorage, path: string, most = 2 ** 28): Promise<string> {
  return new TextDecoder().decode(await readStored(storage, path, most))
}

/** Reads a whole file. @throws SelfsupError if it does not exist or has more than `most` bytes */
export async function readStored(
  storage: RunStorage,
  path: string,
  most = Number.POSITIVE_INFINITY,
): Promise<Uint8Array<ArrayBuffer>> {
  const file = await storage.open(path)
  try {
    if (file.size > most)
      throw new SelfsupError(`${path} is too large: ${file.size} bytes; the maximum is ${most}`, {
        code: 'unsupported',
        path,
      })
    const bytes = new Uint8Array(file.size)
    await file.read(bytes, 0, `${path} ends early`)
    return bytes
  } finally {
    await file.close()
  }
}

/** Writes a value as JSON. */
export async function writeStoredJson(storage: RunStorage, path: string, value: unknown): Promise<void> {
  await storage.write(path, [new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`)])
}
