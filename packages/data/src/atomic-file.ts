import { randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { SelfsupError } from '@selfsup/core'

const PREFIX = '.selfsup-unfinished-'
const A_DAY = 24 * 3600 * 1000

/**
 * Writes a file under a temporary name beside its own and renames it when it is whole: a reader never sees a part of
 * it, and of several writers the last one's stands.
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
  const temporary = join(folder, `${PREFIX}${randomUUID()}`)
  try {
    await mkdir(folder, { recursive: true })
    await removeForgotten(folder)
    const file = await open(temporary, 'w')
    try {
      await write(file)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    throw explained(error, path, bytes, advice)
  } finally {
    await rm(temporary, { force: true }).catch(() => {})
  }
}

/** What processes left that were killed while writing. */
async function removeForgotten(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(PREFIX)) continue
    const { mtimeMs } = await stat(join(folder, name)).catch(() => ({ mtimeMs: Date.now() }))
    if (Date.now() - mtimeMs > A_DAY) await rm(join(folder, name), { force: true })
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
