import type { FileHandle } from 'node:fs/promises'
import { SelfsupError } from '@selfsup/core'
import { openFile, readFully } from '@selfsup/run-folder'
import { forEachLimited } from './limited.js'

/** Bytes that can be read anywhere. */
export interface Bytes {
  readonly size: number
  /** Fills `target` with the bytes from a position on. @throws SelfsupError if they can't be read */
  read(target: Uint8Array, at: number): Promise<void>
}

/** A file, on disk or on a server. */
export interface ByteSource extends Bytes {
  /** its path or address, for messages */
  readonly path: string
  /** changes when the file changes: the time of modification, or a server's tag */
  readonly stamp: number | string
}

/** Files that are read at any position. */
export interface ByteSources {
  readonly files: readonly ByteSource[]
  close(): Promise<void>
}

/** Maximum number of files that are open at the same time; many systems allow a process 1,024 or less. */
const MOST_OPEN = 256

/** Number of files that are opened at the same time. */
const AT_A_TIME = 16

/**
 * Opens files on disk. Of more than `most` files, those that were not used for the longest time are closed until they are needed.
 * @throws SelfsupError if one is missing or not a regular file
 */
export async function openFiles(paths: readonly string[], most = MOST_OPEN): Promise<ByteSources> {
  interface Open {
    readonly handle: Promise<FileHandle>
    users: number
  }
  /** by number of the file; the one that was used last comes last */
  const opened = new Map<number, Open>()
  const facts: { size: number; stamp: number }[] = []

  const close = ({ handle }: Open) =>
    handle.then(
      (file) => file.close(),
      () => {},
    )
  const use = async <Result>(
    number: number,
    work: (file: FileHandle) => Promise<Result>,
  ): Promise<Result> => {
    const known = opened.get(number)
    const entry = known ?? { handle: unchanged(number), users: 0 }
    opened.delete(number)
    opened.set(number, entry)
    entry.users++
    try {
      return await work(
        await entry.handle.catch((error) => {
          if (opened.get(number) === entry) opened.delete(number)
          throw error
        }),
      )
    } finally {
      entry.users--
      for (const [other, unused] of opened) {
        if (opened.size <= most) break
        if (unused.users > 0) continue
        opened.delete(other)
        void close(unused)
      }
    }
  }
  const unchanged = async (number: number): Promise<FileHandle> => {
    const path = paths[number]!
    const file = await openFile(path)
    const { size, mtimeMs: stamp } = await file.stat()
    const before = facts[number]
    facts[number] ??= { size, stamp }
    if (!before || (before.size === size && before.stamp === stamp)) return file
    await file.close()
    throw new SelfsupError(`${path} was changed after it was opened`, { code: 'damaged-file', path })
  }
  const closeAll = async () => {
    await Promise.all([...opened.values()].map(close))
    opened.clear()
  }

  try {
    await forEachLimited(paths.length, AT_A_TIME, (number) => use(number, async () => {}))
  } catch (error) {
    await closeAll()
    throw error
  }
  const files = paths.map((path, number) => ({
    path,
    ...facts[number]!,
    read: (target: Uint8Array, at: number) =>
      use(number, (file) => readFully(file, target, at, `${path} was truncated after it was opened`)),
  }))
  return { files, close: closeAll }
}

/** Reads small neighbouring pieces as one: each read fetches at least `length` bytes. For one reader that moves forwards. */
export function windowed(bytes: Bytes, length: number): Bytes {
  let start = 0
  let held = new Uint8Array(0)
  return {
    size: bytes.size,
    async read(target, at) {
      if (target.length >= length) return bytes.read(target, at)
      if (at < start || at + target.length > start + held.length) {
        const next = new Uint8Array(Math.max(target.length, Math.min(length, bytes.size - at)))
        await bytes.read(next, at)
        start = at
        held = next
      }
      target.set(held.subarray(at - start, at - start + target.length))
    },
  }
}
