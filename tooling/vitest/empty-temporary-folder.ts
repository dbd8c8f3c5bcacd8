import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** LanceDB's library makes such folders while it builds an index, and keeps them until its process ends. */
const ofLanceDb = /^\.tmp[A-Za-z0-9]{6}$/

/**
 * Global set-up of the tests: gives them a temporary folder of their own, which `os.tmpdir()` of every worker and of
 * every program that a test starts is from then on.
 *
 * @returns the tear-down, which removes the folder
 * @throws in the tear-down when something is left in the folder, so that the run of the tests fails
 */
export function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'selfsup-tests-'))
  const before = Object.fromEntries(['TMPDIR', 'TMP', 'TEMP'].map((name) => [name, process.env[name]]))
  for (const name of Object.keys(before)) process.env[name] = folder
  return () => {
    const left = readdirSync(folder)
      .filter((name) => !ofLanceDb.test(name))
      .sort()
    rmSync(folder, { recursive: true, force: true })
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
    if (left.length > 0) {
      throw new Error(
        `Tests left ${left.join(', ')} in the temporary folder. ` +
          'Make such folders with temporaryFolder of tooling/vitest/temporary-folder.ts, which removes them.',
      )
    }
  }
}
