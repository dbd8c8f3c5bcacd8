import { access, mkdir, open, readdir, rm, truncate } from 'node:fs/promises'
import { basename, join, relative } from 'node:path'
import { SelfsupError } from '@selfsup/core'
import { removeUnfinished, writeAtomically } from './atomic-file.js'
import { openFile } from './open-file.js'
import { readFully } from './read-fully.js'
import type { RunStorage } from './storage.js'

/** Bytes per write: some systems write at most 2 GiB at once. */
const AT_A_TIME = 2 ** 26

/** Runs as folders of the file system. */
export const diskStorage: RunStorage = {
  join: (...names) => join(...names),
  nameOf: (path) => basename(path),
  shown: (path) => relative(process.cwd(), path),
  async makeFolder(folder) {
    await mkdir(folder, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
      throw new SelfsupError(
        error.code === 'EEXIST' || error.code === 'ENOTDIR'
          ? `${folder} can't be a run's folder: there is a file in its place`
          : `${folder} can't be made: ${error.message}`,
        { code: 'write-failed', path: folder },
      )
    })
  },
  has: (path) =>
    access(path).then(
      () => true,
      () => false,
    ),
  list: (folder) =>
    readdir(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return []
      throw error
    }),
  async open(path) {
    const file = await openFile(path)
    const { size } = await file.stat()
    return {
      size,
      read: (target, position, ended) => readFully(file, target, position, ended),
      close: () => file.close(),
    }
  },
  async write(path, parts) {
    await writeAtomically(path, async (file) => {
      const [only] = parts
      if (only && parts.length === 1) return file.writeFile(only)
      for (const part of parts)
        for (let done = 0; done < part.length; ) {
          const { bytesWritten } = await file.write(part, done, Math.min(part.length - done, AT_A_TIME))
          done += bytesWritten
        }
    })
  },
  async append(path, data) {
    const file = await open(path, 'a')
    try {
      const { size } = await file.stat()
      try {
        await file.appendFile(data)
      } catch (error) {
        await file.truncate(size).catch(() => {})
        throw error
      }
    } finally {
      await file.close()
    }
  },
  cut: (path, bytes) => truncate(path, bytes),
  remove: (path) => rm(path, { recursive: true, force: true }),
  removeUnfinished: (folder) => removeUnfinished(folder, 0),
}
