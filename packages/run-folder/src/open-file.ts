import { constants } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { SelfsupError } from '@selfsup/core'

/** Without O_NONBLOCK, opening a named pipe waits for its writer, possibly forever. Windows has no such flag. */
const READ_WITHOUT_WAITING = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)

/**
 * Opens a file for reading.
 * @throws SelfsupError if it cannot be opened, or is not a regular file (a folder, a named pipe, a device)
 */
export async function openFile(path: string): Promise<FileHandle> {
  const file = await open(path, READ_WITHOUT_WAITING).catch((error: NodeJS.ErrnoException) => {
    throw new SelfsupError(
      isMissing(error) ? `${path} does not exist` : `${path} cannot be opened (${error.code})`,
      { code: isMissing(error) ? 'not-found' : 'damaged-file', path },
    )
  })
  const facts = await file.stat()
  if (facts.isFile()) return file
  await file.close()
  throw new SelfsupError(`${path} is not a regular file`, { code: 'damaged-file', path })
}

/**
 * Reads a whole file.
 * @param most maximum size in bytes; a larger file is refused before it is read
 * @throws SelfsupError if it cannot be read or is larger
 */
export async function readLimited(path: string, most: number): Promise<Buffer> {
  const file = await openFile(path)
  try {
    const { size } = await file.stat()
    if (size > most)
      throw new SelfsupError(`${path} is too large: ${size} bytes; the maximum is ${most}`, {
        code: 'unsupported',
        path,
      })
    return await file.readFile()
  } finally {
    await file.close()
  }
}

/** Reads the text of a file. @throws SelfsupError if it cannot be read or has more than `most` bytes */
export async function readText(path: string, most = 2 ** 28): Promise<string> {
  return (await readLimited(path, most)).toString('utf8')
}

/** Like `readLimited`; undefined if the file does not exist. */
export async function readIfExists(path: string, most: number): Promise<Buffer | undefined> {
  const there = await stat(path).catch(() => undefined)
  return there && readLimited(path, most)
}

/** The file does not exist, or a parent of its path is a file. */
function isMissing({ code }: NodeJS.ErrnoException): boolean {
  return code === 'ENOENT' || code === 'ENOTDIR'
}
