import { type FileHandle, mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { SelfsupError } from '@selfsup/core'
import { removeUnfinished, writeAtomically as writeWhole } from '@selfsup/run-folder'

/**
 * Writes a file atomically and explains failures.
 * @param bytes approximate size of the file, for the message if the disk is full
 * @param advice what to do if the folder cannot be written to
 * @throws SelfsupError if the disk is full or the file cannot be written
 */
export async function writeAtomically(
  path: string,
  bytes: number,
  write: (file: FileHandle) => Promise<void>,
  advice = 'choose another folder',
): Promise<void> {
  const folder = dirname(path)
  try {
    await mkdir(folder, { recursive: true })
    await removeUnfinished(folder)
    await writeWhole(path, write)
  } catch (error) {
    throw explained(error, path, bytes, advice)
  }
}

function explained(error: unknown, path: string, bytes: number, advice: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const size = `${Math.ceil(bytes / 1e6)} MB`
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new SelfsupError(`${path}: no space left on the disk (${size} needed)`, {
      code: 'write-failed',
      fix: `free some space or ${advice}`,
      path,
    })
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS' || code === 'ENOTDIR' || code === 'EEXIST') {
    return new SelfsupError(`${path} cannot be written (${code})`, {
      code: 'write-failed',
      fix: advice,
      path,
    })
  }
  return error
}
