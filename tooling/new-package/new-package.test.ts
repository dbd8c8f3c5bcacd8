import { spawnSync } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { importsOf, problemsOf } from '../layers/rows.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const script = join(root, 'tooling/new-package/new-package.mjs')
let copy: string

beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), 'selfsup-new-package-'))
  for (const path of [
    'LICENSE',
    'tooling/layers/rows.ts',
    'packages/losses/package.json',
    'packages/losses/tsconfig.json',
  ]) {
    await cp(join(root, path), join(copy, path))
  }
})
afterAll(() => rm(copy, { recursive: true }))

const make = (name: string) => spawnSync(process.execPath, [script, name, copy], { encoding: 'utf8' })

test('makes a package that fits the house', async () => {
  expect(make('my-method')).toMatchObject({ status: 0 })
  const folder = join(copy, 'packages/my-method')
  const files = (await readdir(folder, { recursive: true })).map(String)
  expect(files).toEqual(
    expect.arrayContaining(['LICENSE', 'README.md', 'package.json', 'src', 'tsconfig.json']),
  )
  const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
  expect(manifest.name).toBe('@selfsup/my-method')
  const imports = []
  for (const file of ['src/index.ts', 'src/my-method.ts', 'src/my-method.test.ts']) {
    for (const specifier of importsOf(await readFile(join(folder, file), 'utf8')))
      imports.push({ file, specifier })
  }
  // Its place is in the copy's rows, which know it as a method.
  const { problemsOf: problemsInCopy } = (await import(
    pathToFileURL(join(copy, 'tooling/layers/rows.ts')).href
  )) as {
    problemsOf: typeof problemsOf
  }
  const facts = { folder: 'my-method', manifest, imports, files }
  expect(problemsInCopy(facts)).toEqual([])
  expect(problemsOf(facts)).toEqual(['packages/my-method has no place in tooling/layers/rows.ts'])
  expect(await readFile(join(copy, '.changeset/my-method.md'), 'utf8')).toContain(
    "'@selfsup/my-method': minor",
  )
})

test.each([
  ['losses', 'packages/losses is there already'],
  ['My Method', "got 'My Method'"],
  ['../x', "got '../x'"],
])('%s is refused', (name, message) => {
  const { status, stderr } = make(name)
  expect(status).toBe(1)
  expect(stderr).toContain(message)
})
