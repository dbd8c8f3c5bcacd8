import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { cyclesOf } from './cycles.js'
import { importsOf, type PackageFacts, problemsOf } from './rows.js'

const packages = fileURLToPath(new URL('../../packages', import.meta.url))

function factsOf(folder: string): PackageFacts {
  const files = ['.', 'src'].flatMap((part) =>
    readdirSync(join(packages, folder, part), { recursive: part === 'src' }).map((name) => String(name)),
  )
  const sources = files.filter(
    (file) => /(?<!\.d)\.ts$/.test(file) && !/^(tsup|vite|vitest)\.config/.test(file),
  )
  return {
    folder,
    files,
    manifest: JSON.parse(readFileSync(join(packages, folder, 'package.json'), 'utf8')),
    imports: sources.flatMap((file) =>
      importsOf(readFileSync(join(packages, folder, 'src', file), 'utf8')).map((specifier) => ({
        file: `packages/${folder}/src/${file}`,
        specifier,
      })),
    ),
  }
}

test.each(readdirSync(packages))('packages/%s follows the layers', (folder) => {
  expect(problemsOf(factsOf(folder))).toEqual([])
})

test.each(readdirSync(packages))('packages/%s has no cycle of imports', (folder) => {
  const names = readdirSync(join(packages, folder, 'src'), { recursive: true }).map(String)
  const sources = names
    .map((name) => `src/${name.replaceAll('\\', '/')}`)
    .filter((file) => /\.tsx?$/.test(file))
    .map((file) => [file, readFileSync(join(packages, folder, file), 'utf8')] as const)
  expect(cyclesOf(new Map(sources))).toEqual([])
})

describe('the check finds', () => {
  const whole: PackageFacts = {
    folder: 'losses',
    files: ['README.md', 'x.test.ts'],
    imports: [{ file: 'x.ts', specifier: '@selfsup/kernels' }],
    manifest: {
      name: '@selfsup/losses',
      description: '',
      license: '',
      type: '',
      exports: {},
      files: [],
      engines: {},
      scripts: {},
      dependencies: { '@selfsup/kernels': '' },
    },
  }
  const importing = (specifier: string, file = 'x.ts') =>
    problemsOf({ ...whole, imports: [{ file, specifier }] }).join()

  test('nothing in a package that is whole', () => {
    expect(problemsOf(whole)).toEqual([])
  })

  test.each([
    ['an import from its own row', () => importing('@selfsup/augment'), 'which is not below losses'],
    ['a part that imports the engine', () => importing('@selfsup/engine'), 'which is not below losses'],
    [
      'kernels that import the engine',
      () =>
        problemsOf({
          ...whole,
          folder: 'kernels',
          imports: [{ file: 'x.ts', specifier: '@selfsup/engine' }],
        }).join(),
      'which is not below kernels',
    ],
    ['an import from above', () => importing('selfsup'), 'which is not below losses'],
    [
      'an import from above in a test',
      () => importing('@selfsup/train', 'x.test.ts'),
      'which is not below losses',
    ],
    [
      'an undeclared package',
      () => importing('sharp'),
      'imports sharp, which packages/losses/package.json does not declare',
    ],
    ['a deep import', () => importing('@selfsup/kernels/dist/x.js'), 'only @selfsup/kernels itself'],
    [
      'a dependency from above',
      () =>
        problemsOf({
          ...whole,
          manifest: { ...whole.manifest, peerDependencies: { '@selfsup/simclr': '' } },
        }).join(),
      'depends on @selfsup/simclr, which is not below it',
    ],
    [
      'a package without README and test',
      () => problemsOf({ ...whole, files: [] }).join(),
      'has no README.md,packages/losses has no test',
    ],
    [
      'a private package that is not below',
      () =>
        problemsOf({
          ...whole,
          manifest: { ...whole.manifest, private: true, devDependencies: { '@selfsup/simclr': '' } },
          imports: [{ file: 'x.ts', specifier: '@selfsup/simclr' }],
        }).join(),
      'imports @selfsup/simclr, which is not below losses',
    ],
    ['a package without a place', () => problemsOf({ ...whole, folder: 'new' }).join(), 'has no place'],
  ])('%s', (_, problems, message) => {
    expect(problems()).toContain(message)
  })

  test.each([
    [
      'a cycle of two files',
      { 'a.ts': "import { b } from './b.js'", 'b.ts': "import { a } from './a.js'" },
      'a.ts > b.ts > a.ts',
    ],
    [
      'a cycle of types alone, across folders and into TSX',
      {
        'a.ts': "import type { B } from './in/b.js'",
        'in/b.tsx': "export * from './c.js'",
        'in/c.ts': "type A = import('../a.js').A",
      },
      'a.ts > in/b.tsx > in/c.ts > a.ts',
    ],
    ['a file that imports itself', { 'a.ts': "import './a.js'" }, 'a.ts > a.ts'],
    [
      'a cycle behind a file that is not part of it',
      { 'a.ts': "import './b.js'", 'b.ts': "import './c.js'", 'c.ts': "import './b.js'" },
      'b.ts > c.ts > b.ts',
    ],
    [
      'nothing where two files import a third',
      { 'a.ts': "import './b.js'\nimport './c.js'", 'b.ts': "import './c.js'", 'c.ts': '' },
      '',
    ],
  ])('%s', (_, files, cycles) => {
    expect(cyclesOf(new Map(Object.entries(files))).join()).toBe(cycles)
  })

  test('every form of import', () => {
    const text = `import a from 'one'\nimport 'two'\nexport * from 'three'\nconst x = await import('four')\nimport type { T } from 'five'\n// from 'six'\n/* import 'seven' */`
    expect(importsOf(text).sort()).toEqual(['five', 'four', 'one', 'three', 'two'])
  })
})
