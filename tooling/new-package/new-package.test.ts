import { spawnSync } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { importsOf, problemsOf } from '../layers/rows.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const script = join(root, 'tooling/new-package/new-package.mjs')
let copy: string

beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), 'selfsup-new-package-'))
  for (const path of [
    '.gitignore',
    'LICENSE',
    'biome.json',
    'tooling/layers/rows.ts',
    'packages/runs/package.json',
    'packages/runs/src/registry.ts',
    'packages/losses/package.json',
    'packages/losses/tsconfig.json',
    'packages/simclr/package.json',
  ]) {
    await cp(join(root, path), join(copy, path))
  }
})
afterAll(() => rm(copy, { recursive: true }))

const make = (...args: string[]) =>
  spawnSync(process.execPath, [script, ...args, '--root', copy], { encoding: 'utf8' })
const text = (...path: string[]) => readFile(join(copy, ...path), 'utf8')

/** What TypeScript has against files that stand in place of a package that is there. */
async function typeErrors(folder: string, names: readonly string[]): Promise<string[]> {
  const place = join(root, 'packages/simclr/src')
  const sources = new Map<string, string>()
  for (const name of names) sources.set(join(place, name), await text('packages', folder, 'src', name))
  const { config } = ts.readConfigFile(join(root, 'tooling/tsconfig/base.json'), ts.sys.readFile)
  const { options } = ts.convertCompilerOptionsFromJson(
    {
      ...config.compilerOptions,
      paths: {
        '@selfsup/kernels/losses': ['./packages/kernels/src/losses.ts'],
        '@selfsup/*': ['./packages/*/src/index.ts'],
      },
    },
    root,
  )
  const host = ts.createCompilerHost(options)
  const { getSourceFile, fileExists, readFile } = host
  host.fileExists = (path) => sources.has(path) || fileExists(path)
  host.readFile = (path) => sources.get(path) ?? readFile(path)
  host.getSourceFile = (path, target) => {
    const source = sources.get(path)
    return source === undefined ? getSourceFile(path, target) : ts.createSourceFile(path, source, target)
  }
  const program = ts.createProgram([...sources.keys()], options, host)
  return [...sources.keys()]
    .flatMap((path) => ts.getPreEmitDiagnostics(program, program.getSourceFile(path)))
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
}

describe.each([
  ['my-method', []],
  ['abc', []],
  ['my-part', ['--part']],
])('%s', (name, flags) => {
  test('fits the house', async () => {
    expect(make(name, ...flags)).toMatchObject({ status: 0 })
    const folder = join(copy, 'packages', name)
    const files = (await readdir(folder, { recursive: true })).map(String)
    expect(files).toEqual(
      expect.arrayContaining(['LICENSE', 'README.md', 'package.json', 'src', 'tsconfig.json']),
    )
    const manifest = JSON.parse(await text('packages', name, 'package.json'))
    expect(manifest.name).toBe(`@selfsup/${name}`)
    expect(manifest.scripts.test).toContain(` packages/${name}/`)
    const imports = []
    for (const file of ['src/index.ts', `src/${name}.ts`, `src/${name}.test.ts`]) {
      for (const specifier of importsOf(await text('packages', name, file))) imports.push({ file, specifier })
    }
    // Its place is in the copy's rows.
    const { problemsOf: problemsInCopy } = (await import(
      `${pathToFileURL(join(copy, 'tooling/layers/rows.ts')).href}?${name}`
    )) as { problemsOf: typeof problemsOf }
    const facts = { folder: name, manifest, imports, files }
    expect(problemsInCopy(facts)).toEqual([])
    expect(problemsOf(facts)).toEqual([`packages/${name} has no place in tooling/layers/rows.ts`])
    expect(await text('.changeset', `${name}.md`)).toContain(`'@selfsup/${name}': major`)
  })

  test('is formatted and linted', () => {
    const biome = createRequire(import.meta.url).resolve('@biomejs/biome/bin/biome')
    const { status, stderr } = spawnSync(
      process.execPath,
      [biome, 'check', '--error-on-warnings', 'packages', 'tooling'],
      { cwd: copy, encoding: 'utf8' },
    )
    expect(status, stderr).toBe(0)
  })

  test('has the right types', async () => {
    const options = flags.length > 0 ? [] : ['options.ts']
    expect(await typeErrors(name, [`${name}.ts`, `${name}.test.ts`, ...options])).toEqual([])
  })
})

test('a method may have the name of the loss that it begins with', async () => {
  expect(make('barlow-twins')).toMatchObject({ status: 0 })
  expect(await typeErrors('barlow-twins', ['barlow-twins.ts', 'barlow-twins.test.ts', 'options.ts'])).toEqual(
    [],
  )
})

test('the command line finds a method that was made', async () => {
  expect(await text('packages/runs/src/registry.ts')).toContain(
    `efinition,\n  'my-method': async () => (await import('@selfsup/my-method')).definition,\n`,
  )
  const { dependencies } = JSON.parse(await text('packages/runs/package.json'))
  expect(dependencies).toMatchObject({ '@selfsup/my-method': 'workspace:^' })
  expect(dependencies).not.toHaveProperty('@selfsup/my-part')
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
