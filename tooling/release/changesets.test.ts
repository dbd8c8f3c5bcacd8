import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folders = readdirSync(join(root, 'packages'))
let copy: string

interface Manifest {
  readonly name: string
  readonly version: string
}
const manifestOf = (base: string, folder: string): Manifest =>
  JSON.parse(readFileSync(join(base, 'packages', folder, 'package.json'), 'utf8'))

/** The next version of a package, worked out from its own changesets. */
function nextOf({ name, version }: Manifest): string {
  const levels = readdirSync(join(root, '.changeset'))
    .filter((file) => file.endsWith('.md') && file !== 'README.md')
    .map((file) => readFileSync(join(root, '.changeset', file), 'utf8'))
    .flatMap((text) => [...(/^---\n([\s\S]*?)\n---\n/.exec(text)?.[1] ?? '').matchAll(/^'(.+)': (\w+)$/gm)])
    .filter(([, changed]) => changed === name)
    .map(([, , level]) => level)
  const [major, minor, patch] = version.split('.').map(Number) as [number, number, number]
  if (levels.includes('major')) return `${major + 1}.0.0`
  if (levels.includes('minor')) return `${major}.${minor + 1}.0`
  return levels.includes('patch') ? `${major}.${minor}.${patch + 1}` : version
}

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'selfsup-versions-'))
  for (const path of ['package.json', 'pnpm-workspace.yaml', 'pnpm-lock.yaml', '.changeset'])
    cpSync(join(root, path), join(copy, path), { recursive: true })
  for (const folder of folders)
    cpSync(join(root, 'packages', folder, 'package.json'), join(copy, 'packages', folder, 'package.json'))
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'junction')
})
afterAll(() => rmSync(copy, { recursive: true, force: true }))

test('a release gives each package the version that its own changesets ask for', () => {
  const expected = folders.map((folder) => [folder, nextOf(manifestOf(root, folder))])
  const program = join(root, 'node_modules/@changesets/cli/bin.js')
  const run = spawnSync(process.execPath, [program, 'version'], { cwd: copy, encoding: 'utf8' })
  expect(run.stderr + run.stdout).toContain('All files have been updated')
  expect(folders.map((folder) => [folder, manifestOf(copy, folder).version])).toEqual(expected)
})
