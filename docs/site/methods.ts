import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeRange, type MethodDefinition, type MethodOption, resolveOptions } from '@selfsup/core'
import { methodResults } from './method-results.js'
import { docs, packageFacts, packageFolders, root } from './repository.js'
import { type Benchmark, benchmarks } from './results.js'

/**
 * The page of one method: its text in pages/methods, if there is one, with what the definition says and what was measured.
 * @returns Markdown
 */
export function methodPage(definition: MethodDefinition, from: string): string {
  const { name, summary, paper } = definition
  const path = join(docs, 'pages/methods', `${name}.md`)
  const text = existsSync(path) ? readFileSync(path, 'utf8') : `# ${name}\n`
  const [title = '', ...rest] = text.trim().split('\n')
  return [
    title,
    `${capital(summary)}.`,
    `- Paper: ${linked(paper)}\n- Package: [${packageFacts(from).name}](/packages/${from})\n- Command: \`selfsup pretrain ${name} IMAGES\``,
    rest.join('\n').trim(),
    optionsSection(definition),
    recipeSection(definition),
    resultsSection(name),
  ]
    .filter(Boolean)
    .join('\n\n')
}

/** The folder of the package whose sources define a method. */
export function packageOfMethod(name: string): string {
  const defines = new RegExp(`\\bname: '${name}',`)
  const found = packageFolders().find((folder) => {
    const src = join(root, 'packages', folder, 'src')
    return readdirSync(src)
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
      .some((file) => {
        const code = readFileSync(join(src, file), 'utf8')
        return (
          defines.test(code) && /\bMethodDefinition\b|\bdefinition\b/i.test(code) && /\btraining\b/.test(code)
        )
      })
  })
  if (!found) throw new Error(`no package defines the method ${name}`)
  return found
}

function optionsSection({ name, options }: MethodDefinition): string {
  const rows = Object.entries(options).map(
    ([option, { description, ...rest }]) =>
      `| \`${option}\` | ${cell(String(rest.default))} | ${cell(describeRange({ description, ...rest } as MethodOption))} | ${cell(description)} |`,
  )
  return [
    '## Options',
    `Set them with \`--set NAME=VALUE\` on the command line, or in the second argument in TypeScript. \`selfsup methods ${name}\` shows the same list.`,
    `| option | default | value | meaning |\n| --- | --- | --- | --- |\n${rows.join('\n')}`,
  ].join('\n\n')
}

function recipeSection(definition: MethodDefinition): string {
  const recipe = definition.training(resolveOptions(definition))
  const { epochs, batchSize, learningRate, scaling, schedule, optimizer } = recipe
  const settings = ({ name, ...others }: { readonly name: string }) =>
    [name, ...Object.entries(others).map(([key, value]) => `${key} ${value}`)].join(', ')
  return [
    '## Training recipe',
    'What `selfsup pretrain` uses unless you say otherwise.',
    `| setting | value |
| --- | --- |
| epochs | ${epochs} |
| batch | ${batchSize} |
| learning rate | ${learningRate}${scaling === 'linear' ? ' for 256 images; grows in proportion to the batch' : ''} |
| schedule | ${settings(schedule)} |
| optimizer | ${settings(optimizer)} |
| backbone | ${definition.backbone ?? 'resnet18'} |`,
  ].join('\n\n')
}

/** The measured results of a method; empty where nothing was measured. */
export function resultsSection(name: string, all = benchmarks()): string {
  const parts = (methodResults[name] ?? []).flatMap(({ benchmark, rows }) => {
    const found = all.get(benchmark)
    if (!found)
      throw new Error(`method-results.ts names the benchmark ${benchmark}, which RESULTS.md does not have`)
    return table(found, rows)
  })
  if (parts.length === 0) return ''
  return ['## Measured', ...parts, 'All settings: [benchmark results](/benchmarks).'].join('\n\n')
}

function table({ name, conditions, rows }: Benchmark, wanted: RegExp): string[] {
  // Times and memory without a peer's were measured while other programs ran.
  const shown = rows.filter(
    (row) => wanted.test(row.name) && (row.peer !== '-' || !/^(s|MB)$/.test(row.unit)),
  )
  if (shown.length === 0) throw new Error(`RESULTS.md: the benchmark ${name} has no rows ${wanted}`)
  const peers = shown.some(({ peer }) => peer !== '-')
  const lines = shown.map(({ name, ours, peer, unit }) => {
    const value = (text: string) =>
      text === '-' ? '' : `${text} ${/^(%|s|MB|nats)$/.test(unit) ? unit : ''}`.trim()
    return `| ${cell(name)} | ${value(ours)} | ${peers ? `${value(peer)} |` : ''}`
  })
  const head = peers ? '| | Selfsup | lightly |\n| --- | --- | --- |' : '| | Selfsup |\n| --- | --- |'
  return [`\`pnpm bench ${name}\`. ${conditions}`, `${head}\n${lines.join('\n')}`]
}

/** A list of all methods with their pages. */
export function methodList(definitions: readonly MethodDefinition[]): string {
  const rows = definitions.map(
    ({ name, summary, paper }) => `| [${name}](/methods/${name}) | ${cell(summary)} | ${linked(paper)} |`,
  )
  return `| method | what it learns from | paper |\n| --- | --- | --- |\n${rows.join('\n')}`
}

function linked(paper: string): string {
  return paper.replace(/arXiv:(\d{4}\.\d{4,5})/g, '[arXiv:$1](https://arxiv.org/abs/$1)')
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;')
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
