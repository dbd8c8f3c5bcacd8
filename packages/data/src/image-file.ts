import { readFile as readFileCallback } from 'node:fs'
import { promisify } from 'node:util'
import { SelfsupError } from '@selfsup/core'

// For many small files, the callback function takes half the time of that of node:fs/promises.
const readFile = promisify(readFileCallback)

/** The system did not give the content of a file. Unlike a damaged file, it may do so the next time. */
export class FileNotRead extends SelfsupError {}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'the file is gone',
  ENOTDIR: 'the file is gone',
  EISDIR: 'a folder has taken the place of the file',
  EACCES: 'no permission to read the file',
  EPERM: 'no permission to read the file',
}

/**
 * Reads an image file.
 * @throws FileNotRead with a reason, for example if the file was deleted after the folder was listed
 */
export function readImageFile(path: string): Promise<Buffer> {
  return readFile(path).catch((error: unknown) => fileNotRead(error, path))
}

/** Throws FileNotRead for an error of the system, and other errors as they are. */
export function fileNotRead(error: unknown, path: string): never {
  const { code, syscall } = error as NodeJS.ErrnoException
  if (typeof code !== 'string' || syscall === undefined) throw error
  const gone = code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR'
  throw new FileNotRead(reasons[code] ?? `the file cannot be read (${code})`, {
    code: gone ? 'not-found' : 'damaged-file',
    path,
    cause: error,
  })
}
