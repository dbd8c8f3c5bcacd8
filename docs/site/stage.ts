import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { allDefinitions } from './definitions.js'
import { includeParts } from './include.js'
import { rewriteLinks } from './links.js'
import { methodList, methodPage, packageOfMethod } from './methods.js'
import { docs, packageFacts, packageFolders, publishedFolders, readText, root } from './repository.js'

/** Pages that are one file of the repository. */
const whole: Readonly<Record<string, string>> = {
  'architecture.md': 'ARCHITECTURE.md',
  'benchmarks.md': 'tooling/bench/RESULTS.md',
  'examples.md': 'examples/README.md',
  'guide/contributing.md': 'CONTRIBUTING.md',
}

/** What the navigation shows of the generated pages. */
export interface Navigation {
  readonly methods: readonly string[]
  readonly packages: readonly { readonly folder: string; readonly name: string }[]
}

/**
 * Puts the site's pages together in a folder that VitePress builds: the texts of docs/pages, the READMEs of all packages,
 * pages of the methods from their definitions, and the project's other documents.
 * @param stage an empty or missing folder below docs/
 * @throws Error where a link, an included part or a benchmark does not exist
 */
export async function stageSite(stage: string): Promise<void> {
  cpSync(join(docs, '.vitepress'), join(stage, '.vitepress'), { recursive: true })
  const definitions = await allDefinitions()
  const write = (page: string, text: string, from: string) => {
    const { text: rewritten, images } = rewriteLinks(text, from)
    const path = join(stage, page)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, rewritten)
    for (const image of images) cpSync(join(root, image), join(stage, 'public/assets', image))
  }

  const list = methodList(definitions)
  for (const page of readdirSync(join(docs, 'pages'), { recursive: true, encoding: 'utf8' })) {
    if (!page.endsWith('.md') || /^methods[\\/](?!index)/.test(page)) continue
    const text = readFileSync(join(docs, 'pages', page), 'utf8').replace('<!-- methods -->', list)
    write(page, includeParts(text), `docs/pages/${page}`)
  }
  for (const definition of definitions) {
    const { name } = definition
    write(
      `methods/${name}.md`,
      methodPage(definition, packageOfMethod(name)),
      `docs/pages/methods/${name}.md`,
    )
  }
  for (const folder of packageFolders())
    write(`packages/${folder}.md`, readText(`packages/${folder}/README.md`), `packages/${folder}/README.md`)
  const packages = publishedFolders().map((folder) => ({ folder, name: packageFacts(folder).name }))
  const rows = packages.map(
    ({ folder, name }) => `| [${name}](/packages/${folder}) | ${packageFacts(folder).description} |`,
  )
  write(
    'packages/index.md',
    `# Packages\n\nEach installs alone.\n\n| package | what it is |\n| --- | --- |\n${rows.join('\n')}\n`,
    'docs/pages/packages.md',
  )
  for (const [page, path] of Object.entries(whole)) write(page, readText(path), path)

  const navigation: Navigation = { methods: definitions.map(({ name }) => name), packages }
  writeFileSync(join(stage, '.vitepress/navigation.json'), JSON.stringify(navigation))
}
