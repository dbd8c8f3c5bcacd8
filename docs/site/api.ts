import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Application, Converter, ReflectionKind } from 'typedoc'
import { load as loadMarkdown } from 'typedoc-plugin-markdown'
import { load as loadTheme } from 'typedoc-vitepress-theme'
import { packageFacts, root } from './repository.js'

/** The packages that export functions to call; the command line does not. */
const hasApi = (folder: string) => folder !== 'cli'

/**
 * Writes a page `/api/PACKAGE` for each package from the comments in its sources.
 * @param stage the VitePress project
 * @param folders names of the packages' folders; none, or at least two, since TypeDoc makes no module of a single one
 */
export async function writeApiPages(stage: string, folders: readonly string[]): Promise<void> {
  const shown = folders.filter(hasApi)
  const out = join(stage, 'api')
  mkdirSync(out, { recursive: true })
  if (shown.length > 0) await runTypedoc(stage, out, shown)
  for (const folder of shown) {
    const page = join(out, `${folder}.md`)
    writeFileSync(page, readFileSync(page, 'utf8').replace(/^# .*/, `# ${packageFacts(folder).name}`))
  }
  rmSync(join(out, 'modules.md'), { force: true }) // TypeDoc's own list
  rmSync(join(out, 'typedoc-sidebar.json'), { force: true })
  const list = shown.map(
    (folder) => `- [${packageFacts(folder).name}](./${folder}): ${packageFacts(folder).description}`,
  )
  writeFileSync(
    join(out, 'index.md'),
    `# API\n\nEvery exported function and type, package by package, from the comments in the sources.\n\n${list.join('\n')}\n`,
  )
}

async function runTypedoc(stage: string, out: string, folders: readonly string[]): Promise<void> {
  const entryPoints = folders.map((folder) => join(root, 'packages', folder, 'src/index.ts'))
  // TypeDoc reads every file that a configuration names: these alone.
  const tsconfig = join(stage, 'tsconfig.api.json')
  writeFileSync(
    tsconfig,
    JSON.stringify({
      extends: join(root, 'tsconfig.json'),
      compilerOptions: {
        rootDir: root,
        paths: {
          '@selfsup/kernels/losses': [join(root, 'packages/kernels/src/losses.ts')],
          '@selfsup/*': [join(root, 'packages/*/src/index.ts')],
        },
      },
      files: entryPoints,
    }),
  )
  const app = await Application.bootstrapWithPlugins({
    entryPoints,
    tsconfig,
    plugin: [loadMarkdown, loadTheme as (app: Application) => void],
    // Types are checked elsewhere.
    skipErrorChecking: true,
    excludeExternals: true,
    excludeInternal: true,
    excludePrivate: true,
    disableSources: true,
    disableGit: true,
    readme: 'none',
    out,
    logLevel: 'Error',
    ...({
      docsRoot: stage,
      router: 'module',
      hidePageHeader: true,
      hideBreadcrumbs: true,
      entryFileName: 'modules',
      parametersFormat: 'table',
      interfacePropertiesFormat: 'table',
      typeDeclarationFormat: 'table',
      useCodeBlocks: true,
      expandObjects: true,
    } as object),
  })
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.getReflectionsByKind(ReflectionKind.Module))
      module.name = module.name.replace(/\/src$/, '')
  })
  const project = await app.convert()
  if (!project) throw new Error('TypeDoc could not read the packages')
  await app.generateOutputs(project)
}
