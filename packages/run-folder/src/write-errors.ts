import { SelfsupError } from '@selfsup/core'

/** Describes why the file system, or the browser's database, refused to write. */
export function describeWriteError(error: unknown): string {
  const { name, code, message } = error as NodeJS.ErrnoException
  if (name === 'QuotaExceededError') return 'the browser gives this site no more space'
  if (code === 'ENOSPC') return 'no space is left on the disk'
  if (code === 'EDQUOT') return 'the disk quota is used up'
  if (code === 'EROFS') return 'the file system is read-only'
  if (code === 'EACCES' || code === 'EPERM') return `no permission to write (${message})`
  return message
}

/**
 * Waits for the writing of a file or folder.
 * @param fix what to do if it can't be written
 * @throws SelfsupError with the code `write-failed` for an error of the file system; other errors unchanged
 */
export async function explainWriteErrors<T>(path: string, work: Promise<T>, fix?: string): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (error instanceof SelfsupError || !(error instanceof Error && 'code' in error)) throw error
    throw new SelfsupError(`${path} can't be written: ${describeWriteError(error)}`, {
      code: 'write-failed',
      path,
      ...(fix && { fix }),
    })
  }
}
