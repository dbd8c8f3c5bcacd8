import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

/** Opening a named pipe would wait for its writer, perhaps for ever. Windows has no such flag. */
const READ_WITHOUT_WAITING = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)

/** Opens a regular file to read. @throws Error when there is none: a folder, a named pipe, nothing */
export async function openRegular(path: string): Promise<FileHandle> {
  const file = await open(path, READ_WITHOUT_WAITING)
  const facts = await file.stat()
  if (facts.isFile()) return file
  await file.close()
  throw new Error('it is not a regular file')
}

/** The text of a regular file. @throws Error when it can't be read, or has more than `most` bytes */
export async function readText(path: string, most = 2 ** 28): Promise<string> {
  const file = await openRegular(path)
  try {
    const { size } = await file.stat()
    if (size > most) throw new Error(`it has ${size} bytes; at most ${most} are read`)
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}
