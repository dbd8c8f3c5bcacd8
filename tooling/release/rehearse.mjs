// Rehearses a release without the public registry: pnpm release:rehearse [--quick]
// Changes the versions in a copy, publishes all packages to a registry on this machine, and installs and uses them in empty
// projects. --quick uses the packages as they are built and tries the command line and @selfsup/losses. Without it, the copy is
// built with its new versions, and each package is tried with the example of its README.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { parseArgs } from 'node:util'
import { audit } from './audit.mjs'
import { problemsOfPackage } from './check-package.mjs'
import { emptyProject, runIn, tryReadme } from './project.mjs'
import { publishAll, putPackage } from './publish.mjs'
import { startRegistry } from './registry.mjs'
import { run, scratchFolder } from './scratch.mjs'
import { size, sizeOfFolder, sizesOf } from './sizes.mjs'
import { build, changeVersions, copySources } from './versions.mjs'
import { copyPackages, manifestOf, publishedPackages, root } from './workspace.mjs'

const { quick = false } = parseArgs({ options: { quick: { type: 'boolean' } } }).values
const scratch = scratchFolder('selfsup-release')
const workspace = join(scratch, 'workspace')
/** @type {string[]} */
const problems = []

/**
 * Runs a part of the rehearsal and prints its time, notes and problems.
 *
 * @template Result
 * @param {string} title
 * @param {(report: { note: (text: string) => void, problem: (text: string) => void }) => Promise<Result>} work
 * @returns {Promise<Result | undefined>} undefined if it throws
 */
async function part(title, work) {
  const started = performance.now()
  /** @type {string[]} */
  const notes = []
  /** @type {string[]} */
  const found = []
  let result
  try {
    result = await work({ note: (text) => notes.push(text), problem: (text) => found.push(text) })
  } catch (error) {
    found.push(`${title}: ${error instanceof Error ? error.message : error}`)
  }
  problems.push(...found)
  const seconds = ((performance.now() - started) / 1000).toFixed(0)
  console.log(`${found.length === 0 ? 'ok    ' : 'FAILED'} ${title} (${seconds} s)`)
  for (const line of [...notes, ...found]) console.log(`       ${line.replaceAll('\n', '\n       ')}`)
  return result
}

const folders = publishedPackages()
/** @param {string} folder */
const inCopy = (folder) => join(workspace, 'packages', folder)
const upstream = (await run('npm', ['config', 'get', 'registry'], { cwd: root })).stdout.trim()
// `pnpm run` may be the only way to start pnpm here.
process.env.PATH = [process.env.PATH, join(root, '.cache/bin')].join(delimiter)

const prepared = await part('versions and changelogs by changesets', async ({ note }) => {
  mkdirSync(workspace)
  if (quick) copyPackages(workspace, ['package.json', 'README.md', 'LICENSE', 'dist'])
  else await copySources(workspace)
  await changeVersions(workspace)
  if (!quick)
    for (const folder of folders) note(readFileSync(join(inCopy(folder), 'CHANGELOG.md'), 'utf8').trim())
  return true
})
if (prepared && !quick) await part('a build with these versions', () => build(workspace))
const packed = (prepared ? await part('packages as npm gets them', packAll) : undefined) ?? []

const published = await part('published to a registry on this machine', async () => {
  const names = folders.map((folder) => manifestOf(inCopy(folder)).name)
  mkdirSync(join(scratch, 'registry'))
  const { address } = await startRegistry(join(scratch, 'registry'), { names, upstream })
  const env = npmEnvironment(address)
  if (quick) await Promise.all(packed.map((each) => putPackage(each, address)))
  else await publishAll(workspace, env)
  return { env }
})

if (published && packed.length > 0) {
  // Two at a time: installations mostly wait for the registry.
  const waiting = partsOf(published.env)
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await next()
  }
  await Promise.all([work(), work()])
}

console.log(problems.length === 0 ? 'All packages can be published' : `${problems.length} problems`)
process.exit(problems.length === 0 ? 0 : 1)

/**
 * The parts that follow the publication, the longest first.
 * @param {NodeJS.ProcessEnv} env with npm set to the local registry
 * @returns {(() => Promise<unknown>)[]}
 */
function partsOf(env) {
  /** @param {string} name */
  const project = (name) => emptyProject(join(scratch, 'projects', name), env)
  const commandLine = async () => {
    const main = project('selfsup')
    await part('npm install selfsup, pretrain, evaluate', async () => {
      await runIn(main, 'npm', 'install', 'selfsup')
      await mainJob(main)
    })
    await part('npm audit of what users install', async ({ note, problem }) => {
      const { text, problems: found } = await audit(main, upstream)
      note(text)
      for (const each of found) problem(each)
    })
  }
  const uninstalled = () =>
    part('npx selfsup --help, with nothing installed', async () => {
      const help = await runIn(project('npx'), 'npx', '--yes', 'selfsup', '--help')
      if (!help.includes('Usage: selfsup')) throw new Error(`its output is: ${help}`)
      const output = (await runIn(project('npx'), 'npx', '--yes', 'selfsup', '--version')).trim()
      const { version } = manifestOf(inCopy('cli'))
      if (output !== version) throw new Error(`its version is ${output}; the published version is ${version}`)
    })
  const readmes = (quick ? ['losses'] : folders.filter((folder) => folder !== 'cli')).map(
    (folder) => () =>
      part(`${manifestOf(inCopy(folder)).name} alone: its README's example, its types`, () =>
        tryReadme(project(folder), join(inCopy(folder), 'README.md')),
      ),
  )
  const contents = () =>
    part('files, exports and types of the packages', async ({ note, problem }) => {
      for (const each of packed) {
        for (const found of await problemsOfPackage(each)) problem(found)
        const { packed, unpacked } = sizesOf(each.filename)
        const [name, ...sizes] = [`${each.name} ${each.version}`, size(packed), size(unpacked)]
        note(`${name.padEnd(34)} ${sizes[0]?.padStart(7)} packed ${sizes[1]?.padStart(7)} unpacked`)
      }
    })
  const installed = () =>
    part('sizes with all dependencies', async ({ note }) => {
      for (const name of ['selfsup', 'losses'])
        note(`${name} ${size(sizeOfFolder(join(scratch, 'projects', name, 'node_modules')))}`)
    })
  // The quick rehearsal starts the command line from an installation only, and its version is of the build, which came before.
  return quick
    ? [commandLine, contents, ...readmes]
    : [commandLine, contents, uninstalled, ...readmes, installed]
}

/** @returns {Promise<import('./check-package.mjs').Packed[]>} */
async function packAll() {
  const to = join(scratch, 'tarballs')
  // `pnpm pack` would pack the private ones too.
  const chosen = folders.flatMap((folder) => ['--filter', `./packages/${folder}`])
  const args = ['--recursive', ...chosen, 'pack', '--json', '--pack-destination', to]
  const { ok, stdout, text } = await run('pnpm', args, { cwd: workspace })
  if (!ok) throw new Error(`pnpm pack failed: ${text}`)
  return JSON.parse(stdout)
}

/**
 * npm as a user has it, but for the registry and a cache that ends with the rehearsal.
 *
 * @param {string} registry
 * @returns {NodeJS.ProcessEnv}
 */
function npmEnvironment(registry) {
  const path = join(scratch, 'npmrc')
  const settings = {
    registry,
    [`${registry.replace('http:', '')}:_authToken`]: 'rehearsal',
    cache: join(scratch, 'npm-cache'),
    audit: 'false',
    fund: 'false',
    'update-notifier': 'false',
  }
  writeFileSync(
    path,
    Object.entries(settings)
      .map(([key, value]) => `${key}=${value}\n`)
      .join(''),
  )
  const inherited = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name))
  return { ...Object.fromEntries(inherited), npm_config_userconfig: path }
}

/**
 * Pretrains on drawn images with the installed command line, and evaluates the run.
 * @param {import('./project.mjs').Project} project
 */
async function mainJob(project) {
  const small = ['--backbone', 'convnet', '--count', '128', '--batch', '32', '--limit', '3']
  const trained = await runIn(
    project,
    'npx',
    'selfsup',
    'pretrain',
    'simclr',
    'shapes',
    ...small,
    '--out',
    'run',
    '--json',
  )
  const { step, loss } = JSON.parse(trained.trim().split('\n').at(-1) ?? '')
  if (step !== 3 || !(loss > 0)) throw new Error(`pretraining ended with ${trained}`)
  const evaluated = await runIn(
    project,
    'npx',
    'selfsup',
    'evaluate',
    'run',
    'shapes',
    'shapes',
    '--knn',
    '--limit',
    '100',
    '--json',
  )
  const accuracy = JSON.parse(evaluated).results?.[0]?.knn
  if (!(accuracy >= 0 && accuracy <= 1)) throw new Error(`evaluation found ${evaluated}`)
}
