import { type FileHandle, mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { SelfsupError } from '@selfsup/core'
import { removeUnfinished, writeAtomically as writeWhole } from '@selfsup/run-folder'

/**
 * Writes a file whole or not at all, and says in words why it could not be written.
 * @param bytes about how many, for the message when the disk is full
 * @param advice what to do when the folder cannot be written to
 * @throws SelfsupError then
 */
export async function writeAtomically(
  path: string,
  bytes: number,
  write: (file: FileHandle) => Promise<void>,
  advice = 'choose another place',
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
    return new SelfsupError(`${path}: no room on the disk (${size} are needed); make room or ${advice}`)
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS' || code === 'ENOTDIR' || code === 'EEXIST') {
    return new SelfsupError(`${path} cannot be written (${code}); ${advice}`)
  }
  return error
}
