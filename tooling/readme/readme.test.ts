import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import ts from 'typescript'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { blocksOf, importedBy, installedBy } from './blocks.mjs'

// Every ```ts block of every README and of the documentation's pages is type-checked against the sources and run, as a program of its own, against the
// built packages (`npm test` builds before it tests). A block marked ```ts no-run is only type-checked.
const root = fileURLToPath(new URL('../..', import.meta.url))
// Inside the command line's package, whose dependencies are found from there; all packages of ours are linked into it.
const scratch = join(root, 'packages/cli/node_modules/.readme')

const files = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'examples/README.md',
  ...readdirSync(join(root, 'packages')).map((folder) => `packages/${folder}/README.md`),
  ...readdirSync(join(root, 'docs/pages'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/pages/${file}`),
]
const blocks = files
  .filter((file) => existsSync(join(root, file)))
  .flatMap((file) => blocksOf(file, readFileSync(join(root, file), 'utf8')))

/** What TypeScript has against each of some texts that stand among the packages, in one program. */
function typeErrors(texts: readonly string[]): string[][] {
  const code = new Map(texts.map((text, i) => [join(root, `packages/cli/readme-block-${i}.ts`), text]))
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
  const base = ts.readConfigFile(join(root, 'tooling/tsconfig/base.json'), ts.sys.readFile).config
  const { options } = ts.convertCompilerOptionsFromJson(
    { ...base.compilerOptions, ...config.compilerOptions },
    root,
  )
  const host = ts.createCompilerHost(options)
  const { getSourceFile, fileExists, readFile } = host
  host.fileExists = (name) => code.has(name) || fileExists(name)
  host.readFile = (name) => code.get(name) ?? readFile(name)
  host.getSourceFile = (name, target) => {
    const text = code.get(name)
    return text === undefined
      ? getSourceFile.call(host, name, target)
      : ts.createSourceFile(name, text, target)
  }
  const program = ts.createProgram([...code.keys()], options, host)
  return [...code.keys()].map((path) =>
    ts
      .getPreEmitDiagnostics(program, program.getSourceFile(path))
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')),
  )
}

beforeAll(async () => {
  const linked = join(scratch, 'node_modules/@selfsup')
  await mkdir(linked, { recursive: true })
  for (const folder of readdirSync(join(root, 'packages')))
    await symlink(join(root, 'packages', folder), join(linked, folder), 'dir').catch(() => {})
})
afterAll(() => rm(scratch, { recursive: true, force: true }))

describe('code in READMEs and documentation is true', () => {
  test('there is some', () => {
    expect(blocks.length).toBeGreaterThan(10)
  })

  test.each(
    files.filter((file) => existsSync(join(root, file))).filter((file) => file.startsWith('packages/')),
  )('%s installs all that its examples import', (file) => {
    const text = readFileSync(join(root, file), 'utf8')
    const imported = blocksOf(file, text).flatMap(({ code }) => importedBy(code))
    const installed = installedBy(text).map((name) => name.replace(/(?<=.)@.*/, ''))
    expect([...new Set(imported)].filter((name) => !installed.includes(name))).toEqual([])
  })

  test('types', () => {
    const errors = typeErrors(blocks.map(({ code }) => code))
    expect(blocks.map(({ name }, i) => [name, errors[i]])).toEqual(blocks.map(({ name }) => [name, []]))
  })

  test.each(blocks.filter(({ run }) => run))('$name', async ({ code }) => {
    await mkdir(scratch, { recursive: true })
    const script = join(scratch, `${Math.random().toString(36).slice(2)}.mjs`)
    const { outputText } = ts.transpileModule(code, {
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
    })
    await writeFile(script, outputText)
    const cwd = await mkdtemp(join(tmpdir(), 'selfsup-readme-'))
    try {
      // What an example makes in the temporary folder goes with this folder.
      const env = { ...process.env, SELFSUP_ENGINE: 'wasm', TMPDIR: cwd, TMP: cwd, TEMP: cwd }
      await promisify(execFile)(process.execPath, [script], { cwd, env, timeout: 60_000 })
    } finally {
      await rm(cwd, { recursive: true, force: true })
    }
  })

  test('what an install line names and what a program imports', () => {
    const text = 'x\n```sh\n# with\nnpm install @a/b c@18 \\\n  d\n```\n```sh\nnpm install e\n```\n'
    expect(installedBy(text)).toEqual(['@a/b', 'c@18', 'd'])
    expect(installedBy('npm install a')).toEqual([])
    const code =
      "import { x } from '@a/b'\nimport 'c/d'\nimport 'node:fs'\nimport y from './z.js'\nimport type { T } from 'c'"
    expect(importedBy(code)).toEqual(['@a/b', 'c'])
  })

  test('a block that is wrong is found', () => {
    const [wrong, right] = typeErrors([
      "import { ntXent } from '@selfsup/losses'\nntXent(1, 2)",
      "import { ntXent } from '@selfsup/losses'\nexport const loss = ntXent",
    ])
    expect(wrong).not.toEqual([])
    expect(right).toEqual([])
    expect(blocksOf('x', '```ts\na\n```\n```ts no-run\nb\n```\n```sh\nc\n```')).toMatchObject([
      { code: 'a\n', run: true },
      { code: 'b\n', run: false },
    ])
  })
})
