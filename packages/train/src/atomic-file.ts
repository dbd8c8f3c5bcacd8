import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Writes a file that is there either whole or not at all, even when the machine goes down meanwhile:
 * into a temporary file beside it, synced, then renamed.
 * @param write gets the open temporary file
 * @throws what writing threw (a full disk, no permission); what stood at `path` is untouched then
 */
export async function writeAtomically(
  path: string,
  write: (file: FileHandle) => Promise<void>,
): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`
  try {
    const file = await open(temporary, 'w')
    try {
      await write(file)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw error
  }
  await syncFolder(dirname(path))
}

/** Makes a rename durable; some systems can't open a folder, and there the rename has to do. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch {
    // Windows refuses to open or sync folders.
  }
}

/** In words, why the file system refused to write. */
export function whyNotWritten(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOSPC') return 'no space is left on the disk'
  if (code === 'EDQUOT') return 'the disk quota is used up'
  if (code === 'EROFS') return 'the file system is read-only'
  if (code === 'EACCES' || code === 'EPERM') return `no permission to write (${message})`
  return message
}
