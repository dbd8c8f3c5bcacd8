import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folders: string[] = []

/**
 * Makes a folder that is removed when the tests of this file are over. Call it within a test or a hook: the tests of a file
 * that are all skipped remove nothing.
 */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'selfsup-test-'))
  folders.push(folder)
  return folder
}

/** Removes the folders of the tests that have ended. setup.ts calls it after each file: files share the modules of a process. */
export function removeTemporaryFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
}
