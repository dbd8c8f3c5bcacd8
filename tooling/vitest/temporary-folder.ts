import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/**
 * Makes a folder that is removed when the tests of the file that imports this one are over. Call it within a test or a
 * hook: the tests of a file that are all skipped remove nothing.
 */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'selfsup-test-'))
  folders.push(folder)
  return folder
}
