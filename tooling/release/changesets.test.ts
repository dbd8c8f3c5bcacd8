import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { temporaryFolder } from '../vitest/temporary-folder.js'
import changelog from './changelog.cjs'
import { changeVersions } from './versions.mjs'
import { copyPackages, type Manifest, manifestOf, publishedPackages, root } from './workspace.mjs'

const folders = publishedPackages()
let copy: string

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
  copy = temporaryFolder()
  copyPackages(copy, ['package.json'])
})

test('a release gives each package the version that its own changesets ask for', async () => {
  const next = folders.map((folder) => [folder, nextOf(manifestOf(join(root, 'packages', folder)))])
  await changeVersions(copy)
  expect(folders.map((folder) => [folder, manifestOf(join(copy, 'packages', folder)).version])).toEqual(next)
})

test('a changelog names our own packages that are newer, and none that had no version before', async () => {
  const first = { name: '@selfsup/core', oldVersion: '0.0.0', newVersion: '1.0.0' }
  const newer = { name: '@selfsup/optim', oldVersion: '1.0.0', newVersion: '1.1.0' }
  expect(await changelog.getDependencyReleaseLine([], [first])).toBe('')
  expect(await changelog.getDependencyReleaseLine([], [first, newer])).toBe('- Takes @selfsup/optim 1.1.0')
})
