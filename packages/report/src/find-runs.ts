import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Levels of subfolders that are searched. */
const DEEPEST = 3
/** Maximum number of runs on a page. */
const MOST_RUNS = 2000

/** Finds the run folders in and below a folder, sorted by path. Unreadable folders are skipped. */
export async function findRuns(root: string): Promise<string[]> {
  const found: string[] = []
  await search(root, 0, found)
  return found.sort()
}

async function search(folder: string, depth: number, found: string[]): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((): Dirent[] => [])
  if (entries.some(({ name }) => name === 'config.json')) {
    if (found.length < MOST_RUNS) found.push(folder)
    return
  }
  if (depth === DEEPEST) return
  for (const entry of entries) {
    if (entry.name.startsWith('.') || entry.name === 'node_modules') continue
    const path = join(folder, entry.name)
    if (await isFolder(entry, path)) await search(path, depth + 1, found)
  }
}

/** Symbolic links to folders are followed: runs may be on another disk. */
async function isFolder(entry: Dirent, path: string): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory()
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false
}
