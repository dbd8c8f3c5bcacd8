// A release without the public registry: pnpm release:rehearse [--quick]
// Changes versions in a copy, publishes all packages to a registry of this machine alone, and installs and uses them in
// empty projects. --quick takes the packages as they are built here and tries two of them; without it they are built in
// the copy with their new versions, and every package is tried by the example of its README.
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
 * A part of the rehearsal: says how long it took, and what it gives or what went wrong.
 *
 * @template Result
 * @param {string} title
 * @param {() => Promise<Result>} work
 * @returns {Promise<Result | undefined>}
 */
async function part(title, work) {
  const started = performance.now()
  const before = problems.length
  let result
  try {
    result = await work()
  } catch (error) {
    problems.push(`${title}: ${error instanceof Error ? error.message : error}`)
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(0)
  console.log(`${problems.length === before ? 'ok    ' : 'FAILED'} ${title} (${seconds} s)`)
  for (const problem of problems.slice(before)) console.log(`       ${problem.replaceAll('\n', '\n       ')}`)
  return result
}

const folders = publishedPackages()
/** @param {string} folder */
const inCopy = (folder) => join(workspace, 'packages', folder)
const upstream = (await run('npm', ['config', 'get', 'registry'], { cwd: root })).stdout.trim()
// Started through `pnpm run`, pnpm may be nowhere else.
process.env.PATH = [process.env.PATH, join(root, '.cache/bin')].join(delimiter)

const prepared = await part('versions and changelogs by changesets', async () => {
  mkdirSync(workspace)
  if (quick) copyPackages(workspace, ['package.json', 'README.md', 'LICENSE', 'dist'])
  else await copySources(workspace)
  await changeVersions(workspace)
  if (!quick) {
    for (const folder of folders)
      console.log(`\n${readFileSync(join(inCopy(folder), 'CHANGELOG.md'), 'utf8').trim()}\n`)
  }
  return true
})
if (prepared && !quick) await part('a build with these versions', () => build(workspace))

const packed = await part('packages as npm gets them: files, publint, types', async () => {
  const packages = await packAll()
  for (const each of packages) problems.push(...(await problemsOfPackage(each)))
  return packages
})

const published = await part('published to a registry that only this machine reaches', async () => {
  const names = folders.map((folder) => manifestOf(inCopy(folder)).name)
  mkdirSync(join(scratch, 'registry'))
  const { address } = await startRegistry(join(scratch, 'registry'), { names, upstream })
  const env = npmEnvironment(address)
  if (quick) for (const each of packed ?? []) await putPackage(each, address)
  else await publishAll(workspace, env)
  return { env }
})

if (published && packed) {
  const { env } = published
  /** @param {string} name */
  const project = (name) => emptyProject(join(scratch, 'projects', name), env)

  await part('npx selfsup --help, with nothing installed', async () => {
    const help = await runIn(project('npx'), 'npx', '--yes', 'selfsup', '--help')
    if (!help.includes('Usage: selfsup')) throw new Error(`it says: ${help}`)
    if (quick) return // the version became part of the build, which was before
    const said = (await runIn(project('npx'), 'npx', '--yes', 'selfsup', '--version')).trim()
    const { version } = manifestOf(inCopy('cli'))
    if (said !== version) throw new Error(`it says that it is version ${said}; published is ${version}`)
  })

  const main = project('selfsup')
  await part('npm install selfsup, pretrain, evaluate', async () => {
    await runIn(main, 'npm', 'install', 'selfsup')
    await mainJob(main)
  })
  const readmes = quick ? ['losses'] : folders.filter((folder) => folder !== 'cli')
  for (const folder of readmes)
    await part(`${manifestOf(inCopy(folder)).name} alone: its README's example, its types`, () =>
      tryReadme(project(folder), join(inCopy(folder), 'README.md')),
    )

  await part('npm audit of what users get', async () => {
    const { text, problems: found } = await audit(main, upstream)
    console.log(`       ${text}`)
    problems.push(...found)
  })
  await part('sizes', async () => {
    for (const { name, version, filename } of packed) {
      const { packed, unpacked } = sizesOf(filename)
      console.log(
        `       ${`${name} ${version}`.padEnd(34)} ${size(packed).padStart(7)} packed ${size(unpacked).padStart(7)} unpacked`,
      )
    }
    for (const name of ['selfsup', 'losses'])
      console.log(
        `       installed with all that it needs: ${name} ${size(sizeOfFolder(join(scratch, 'projects', name, 'node_modules')))}`,
      )
  })
}

console.log(problems.length === 0 ? 'All packages are fit to be published' : `${problems.length} problems`)
process.exit(problems.length === 0 ? 0 : 1)

/** @returns {Promise<import('./check-package.mjs').Packed[]>} */
async function packAll() {
  const to = join(scratch, 'tarballs')
  const args = ['--recursive', '--filter', './packages/*', 'pack', '--json', '--pack-destination', to]
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
 * Features learned from drawn images, and how good they are.
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
