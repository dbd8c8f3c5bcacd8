import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { blocksOf, installedBy } from '../readme/blocks.mjs'
import { run } from './scratch.mjs'
import { root } from './workspace.mjs'

/**
 * An empty project of a user of the packages.
 * @typedef {{ folder: string, env: NodeJS.ProcessEnv }} Project
 */

/**
 * @param {string} folder to create
 * @param {NodeJS.ProcessEnv} env with npm set to the local registry
 * @returns {Project}
 */
export function emptyProject(folder, env) {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify({ private: true, type: 'module' })}\n`)
  return { folder, env }
}

/**
 * Runs a program in a project.
 *
 * @param {Project} project
 * @param {string} command
 * @param {readonly string[]} args
 * @returns {Promise<string>} its standard output
 * @throws Error with the end of its output if it fails
 */
export async function runIn({ folder, env }, command, ...args) {
  const { ok, stdout, text } = await run(command, args, { cwd: folder, env })
  if (!ok) throw new Error(`${command} ${args.join(' ')} failed:\n${text.split('\n').slice(-25).join('\n')}`)
  return stdout
}

/**
 * Installs the packages that a README names in an empty project and runs the README's examples. Checks their types with
 * TypeScript's resolution for Node and for bundlers.
 *
 * @param {Project} project
 * @param {string} readme path of the README
 */
export async function tryReadme(project, readme) {
  const text = readFileSync(readme, 'utf8')
  await runIn(project, 'npm', 'install', ...installedBy(text))
  const blocks = blocksOf('example', text)
  for (const [i, { code, run }] of blocks.entries()) {
    writeFileSync(join(project.folder, `example-${i}.ts`), `${code}\nexport {}\n`)
    if (!run) continue
    const { outputText } = ts.transpileModule(code, {
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
    })
    writeFileSync(join(project.folder, `example-${i}.mjs`), outputText)
    await runIn(project, process.execPath, `example-${i}.mjs`)
  }
  const sources = blocks.map((_, i) => `example-${i}.ts`)
  await checkTypes(project, sources)
}

/**
 * @param {Project} project
 * @param {readonly string[]} sources
 */
async function checkTypes(project, sources) {
  if (sources.length === 0) return
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules/@types')]
  for (const [module, resolution] of /** @type {const} */ ([
    ['node16', 'node16'],
    ['esnext', 'bundler'],
  ])) {
    const how = ['--module', module, '--moduleResolution', resolution, '--target', 'es2022', ...types]
    await runIn(project, process.execPath, tsc, '--noEmit', '--strict', '--skipLibCheck', ...how, ...sources)
  }
}
