import { randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

const PREFIX = '.selfsup-unfinished-'
const A_DAY = 24 * 3600 * 1000

/**
 * Writes a file atomically: completely or not at all, even if the machine crashes. The content goes to a temporary file
 * (`.selfsup-unfinished-UUID.tmp`) in the same folder, which is synced and renamed. If several processes write, the last one
 * wins. A missing folder is created.
 * @param write receives the open temporary file
 * @throws what writing threw (a full disk, no permission); an existing file at `path` is then unchanged
 */
export async function writeAtomically(
  path: string,
  write: (file: FileHandle) => Promise<void>,
): Promise<void> {
  const folder = dirname(path)
  const temporary = join(folder, `${PREFIX}${randomUUID()}.tmp`)
  await mkdir(folder, { recursive: true })
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
    throw withPath(error, path)
  }
  await syncFolder(folder)
}

/** Adds the path to an error of the file system: writing to an open file, such as on a full disk, throws errors without one. */
function withPath(error: unknown, path: string): unknown {
  return error instanceof Error && 'code' in error && !('path' in error)
    ? Object.assign(error, { path })
    : error
}

/**
 * Removes temporary files that killed processes left behind in `writeAtomically`.
 * @param olderThan minimum age in ms: younger files may still be in use; default one day
 */
export async function removeUnfinished(folder: string, olderThan = A_DAY): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.startsWith(PREFIX)) continue
    const { mtimeMs } = await stat(join(folder, name)).catch(() => ({ mtimeMs: Date.now() }))
    if (Date.now() - mtimeMs >= olderThan) await rm(join(folder, name), { force: true })
  }
}

/** Writes a value as JSON, atomically. @throws what the file system threw */
export async function writeJson(path: string, value: unknown, indent = 2): Promise<void> {
  const text = `${JSON.stringify(value, null, indent)}\n`
  await writeAtomically(path, (file) => file.writeFile(text))
}

/** Syncs a folder, which makes a rename durable. Does nothing on systems that can't open a folder. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch {
    // Windows can't open or sync folders.
  }
}
