import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { rows } from '../../tooling/layers/rows.js'
import { allDefinitions } from './definitions.js'
import { includeParts } from './include.js'
import { rewriteLinks } from './links.js'
import { methodResults } from './method-results.js'
import { methodPage, packageOfMethod, resultsSection } from './methods.js'
import { docs, packageFolders, readText, root } from './repository.js'
import { benchmarks } from './results.js'
import { stageSite } from './stage.js'

describe('links', () => {
  test('to a file that a page shows become links to that page, with the anchor', () => {
    const { text } = rewriteLinks('[x](../tensorflow/README.md#mixed-precision)', 'packages/engine/README.md')
    expect(text).toBe('[x](/packages/tensorflow#mixed-precision)')
    expect(rewriteLinks('[x](packages/cli)', 'README.md').text).toBe('[x](/packages/cli)')
    expect(rewriteLinks('[x](./faq.md)', 'docs/pages/guide/engines.md').text).toBe('[x](/guide/faq)')
    expect(rewriteLinks('[x](../methods/index.md)', 'docs/pages/guide/faq.md').text).toBe('[x](/methods/)')
  })

  test('to other files become their paths; to elsewhere, and in code, they stay', () => {
    expect(rewriteLinks('[the rows](tooling/layers/rows.ts)', 'README.md').text).toBe(
      'the rows (`tooling/layers/rows.ts`)',
    )
    const kept = '[a](https://arxiv.org/abs/2002.05709) [b](#here)\n```ts\nx = [1](nothing.md)\n```\n'
    expect(rewriteLinks(kept, 'README.md')).toEqual({ text: kept, images: [] })
  })

  test('images come along', () => {
    const { text, images } = rewriteLinks('![chart](charts/cpc-series.svg)', 'tooling/bench/RESULTS.md')
    expect(images).toEqual(['tooling/bench/charts/cpc-series.svg'])
    expect(text).toBe('![chart](/assets/tooling/bench/charts/cpc-series.svg)')
  })

  test('a link to nothing is an error', () => {
    expect(() => rewriteLinks('[x](nowhere.md)', 'README.md')).toThrow('there is no nowhere.md')
  })
})

describe('included parts', () => {
  const file =
    '# Title\n\nintro\n\n## One\n\nfirst\n\n```sh\n# no heading\n```\n\n### Part\n\nof one\n\n## Two\n\nsecond\n'
  const read = () => file

  test('reach from their heading to the next of its level', () => {
    expect(includeParts('a\n<!-- include x.md#One -->\nb', read)).toBe(
      'a\nfirst\n\n```sh\n# no heading\n```\n\n### Part\n\nof one\nb',
    )
    expect(includeParts('<!-- include x.md#Part -->', read)).toBe('of one')
  })

  test('a missing heading is an error', () => {
    expect(() => includeParts('<!-- include x.md#Three -->', read)).toThrow("no heading 'Three'")
  })
})

describe('benchmark results', () => {
  const text = `# Results

Medians of the last recorded run of each benchmark.

## methods

2026-11-27; bfloat16; \`pnpm bench methods\`

| case | ours | peer | unit | times better |
| --- | --- | --- | --- | --- |
| simclr, 3 epochs: kNN | 43.54 | 42.34 | % | 1.03 |
| simclr: linear probe | 62.67 | - | % | - |
| simclr: training | 709 | - | s | - |

## iic

2026-11-25; float32

| case | ours | peer | unit | times better |
| --- | --- | --- | --- | --- |
| cluster accuracy | 98.72 | - | % | - |
`

  test('are read with their conditions', () => {
    const all = benchmarks(text)
    expect(all.get('iic')!.conditions).toBe('2026-11-25; float32')
    expect(all.get('methods')!.rows[0]).toEqual({
      name: 'simclr, 3 epochs: kNN',
      ours: '43.54',
      peer: '42.34',
      unit: '%',
    })
  })

  test('times without a peer are left out', () => {
    const section = resultsSection('simclr', benchmarks(text))
    expect(section).toContain(`| simclr, 3 epochs: kNN | 43.54 % | 42.34 % |`)
    expect(section).toContain(`| simclr: linear probe | 62.67 % | `)
    expect(section).not.toContain('709')
  })

  test('of the real file: those of each method are there', () => {
    for (const name of Object.keys(methodResults)) expect(resultsSection(name)).toContain('## Measured')
    expect(resultsSection('simclr')).toContain('| random weights: kNN | ')
  })
})

describe('pages of methods', async () => {
  const definitions = await allDefinitions()

  test.each(definitions)('$name: formula, paper, package and every option', (definition) => {
    const page = methodPage(definition, packageOfMethod(definition.name))
    for (const option of Object.keys(definition.options)) expect(page).toContain(`\n| \`${option}\` | `)
    expect(page).toContain(`selfsup pretrain ${definition.name} IMAGES`)
    if (existsSync(join(docs, 'pages/methods', `${definition.name}.md`)))
      expect(page).toMatch(/\$\$\n[\s\S]+\$\$|\| \$/)
  })

  test('there is none of a method that does not exist', () => {
    const names = definitions.map(({ name }) => `${name}.md`)
    const texts = readdirSync(join(docs, 'pages/methods')).filter((file) => file !== 'index.md')
    expect(texts.filter((file) => !names.includes(file))).toEqual([])
  })
})

test('all texts of the site fit together: what they link to and include is there', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'selfsup-pages-'))
  try {
    await stageSite(folder)
    const pages = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.md'),
    )
    expect(pages).toContain(join('methods', 'simclr.md'))
    expect(pages).toContain(join('packages', 'train.md'))
    expect(pages).toContain('architecture.md')
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('errors that the answers quote are thrown somewhere', () => {
  const sources = packageFolders()
    .flatMap((folder) =>
      readdirSync(join(root, 'packages', folder, 'src'), { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
        .map((file) => readText(`packages/${folder}/src/${file}`)),
    )
    .join('\n')
  const quoted = [...readText('docs/pages/guide/faq.md').matchAll(/^### `(.+)` \{/gm)].map(
    ([, text]) => text!,
  )
  expect(quoted.length).toBeGreaterThan(15)
  const ofTensorflowjs = ['No backend found in registry.']
  // A message is the problem and its fix, which the code has in two strings: "X does not exist; pass a folder ...".
  const isThrown = (text: string) => text.split('; ').every((part) => sources.includes(part))
  expect(quoted.filter((text) => !isThrown(text) && !ofTensorflowjs.includes(text))).toEqual([])
})

test('ARCHITECTURE.md names every package of every row', () => {
  const text = readText('ARCHITECTURE.md')
  expect(rows.flat().filter((name) => !text.includes(`\`${name}\``))).toEqual([])
})
