// Sets up the workspace from a clean clone (only Node is required), then runs the demo or the tests:
//   node tooling/setup/setup.mjs [demo|test]
// Installs pnpm and the packages, builds, and prepares the fastest engine. Steps whose inputs are unchanged are skipped.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const cache = join(root, '.cache')
const logs = join(cache, 'logs')
const quiet = {
  ...process.env,
  TURBO_TELEMETRY_DISABLED: '1',
  DO_NOT_TRACK: '1',
  NO_UPDATE_NOTIFIER: '1',
  COREPACK_ENABLE_DOWNLOAD_PROMPT: '0',
}

/** @param {string} name of a program that the workspace depends on */
const bin = (name) => join(root, 'node_modules', '.bin', name)

/**
 * A check besides the tests.
 * @typedef {{ readonly name: string, readonly program: string, readonly args: readonly string[] }} Check
 */

/** Also writes the packages' type declarations. */
const typecheck = { name: 'typecheck', program: process.execPath, args: ['tooling/types/types.mjs'] }

const checks = [
  { name: 'typecheck of tooling', program: bin('tsc'), args: ['-p', 'tooling/tsconfig/tooling.json'] },
  { name: 'lint', program: bin('biome'), args: ['check', '.'] },
  { name: 'unused', program: bin('knip'), args: ['--no-progress'] },
  { name: 'typecheck of pages', program: bin('tsc'), args: ['-p', 'packages/report'] },
]

/** Publishes the type declarations too. Runs during the other checks, because it mostly waits for the registry. */
const rehearsal = {
  name: 'rehearsal of a release',
  program: process.execPath,
  args: ['tooling/release/rehearse.mjs', '--quick'],
}

class SetupError extends Error {}

/**
 * Runs a program with its output in a log file; if it fails, throws an error with the end of the log.
 * @param {string} name of the log
 * @param {string} command
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 */
async function logged(name, command, args, env = quiet) {
  mkdirSync(logs, { recursive: true })
  const log = join(logs, `${name.replaceAll(' ', '-')}.log`)
  const output = openSync(log, 'w')
  const code = await new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      env,
      stdio: ['ignore', output, output],
      shell: process.platform === 'win32',
    })
    child.on('error', reject)
    child.on('close', (exit, signal) => resolve(signal ? 1 : exit))
  })
  closeSync(output)
  if (code === 0) return
  const tail = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-25).join('\n')
  throw new SetupError(`${name} failed. End of ${log}:\n${tail}`)
}

/**
 * Runs a program attached to the terminal's input and output.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<number>} its exit code
 */
function attached(command, args, env = quiet) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      env,
      stdio: 'inherit',
      shell: process.platform === 'win32',
    })
    // Ctrl-C also reaches the child: this program waits until the child has exited.
    const wait = () => {}
    process.on('SIGINT', wait)
    child.on('error', reject)
    child.on('close', (code, signal) => {
      process.off('SIGINT', wait)
      resolve(signal ? 130 : (code ?? 1))
    })
  })
}

function checkNode() {
  const major = Number(process.versions.node.split('.')[0])
  if (major < 20)
    throw new SetupError(
      `Node 20 or newer is required; this is ${process.version}. Install it from nodejs.org or with your version manager.`,
    )
}

/** Finds or installs the pnpm version that package.json requires: on the PATH, otherwise in .cache. */
async function ensurePnpm() {
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const version = packageManager.split('@')[1]
  const found = spawnSync('pnpm', ['--version'], {
    cwd: cache,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (found.stdout?.trim() === version) return { command: 'pnpm', args: [] }
  const home = join(cache, 'pnpm')
  const script = join(home, 'node_modules', 'pnpm', 'bin', 'pnpm.cjs')
  const manifest = join(home, 'node_modules', 'pnpm', 'package.json')
  if (!existsSync(manifest) || JSON.parse(readFileSync(manifest, 'utf8')).version !== version) {
    say(`Installing pnpm ${version}`)
    mkdirSync(home, { recursive: true })
    await logged('pnpm', 'npm', [
      'install',
      '--prefix',
      home,
      '--no-save',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
      `pnpm@${version}`,
    ])
  }
  // turbo looks for a program called pnpm on the PATH.
  const bin = join(cache, 'bin')
  mkdirSync(bin, { recursive: true })
  writeFileSync(join(bin, 'pnpm'), `#!/bin/sh\nexec "${process.execPath}" "${script}" "$@"\n`, {
    mode: 0o755,
  })
  writeFileSync(join(bin, 'pnpm.cmd'), `@"${process.execPath}" "${script}" %*\r\n`)
  return { command: process.execPath, args: [script] }
}

/**
 * Hash of the contents of files and folders, without build outputs.
 * @param {readonly string[]} paths
 */
function digest(paths) {
  const hash = createHash('sha256').update(process.version)
  /** @param {string} path */
  const walk = (path) => {
    const stats = statSync(path, { throwIfNoEntry: false })
    if (!stats) return
    if (stats.isFile()) {
      hash.update(path).update(readFileSync(path))
      return
    }
    for (const name of readdirSync(path).sort()) {
      if (name === 'node_modules' || name === 'dist' || name === '.turbo' || name === 'fixtures') continue
      walk(join(path, name))
    }
  }
  for (const path of paths) walk(join(root, path))
  return hash.digest('hex')
}

/**
 * Runs a step unless its stamp has the hash of the same inputs and its results exist.
 * @param {string} name
 * @param {readonly string[]} inputs paths
 * @param {() => readonly string[]} results paths
 * @param {() => Promise<void>} work
 */
async function once(name, inputs, results, work) {
  const stamp = join(cache, `${name}.stamp`)
  const key = digest(inputs)
  const done = existsSync(stamp) && readFileSync(stamp, 'utf8') === key
  if (done && results().every((path) => existsSync(join(root, path)))) return
  await work()
  writeFileSync(stamp, key)
}

const packages = () =>
  readdirSync(join(root, 'packages')).filter((name) =>
    existsSync(join(root, 'packages', name, 'package.json')),
  )
const manifests = () => [
  'package.json',
  'pnpm-lock.yaml',
  'pnpm-workspace.yaml',
  ...packages().map((name) => `packages/${name}/package.json`),
  'docs/package.json',
  'examples/package.json',
]

/** @param {string} text */
function say(text) {
  process.stderr.write(`${text}\n`)
}

async function setUp() {
  checkNode()
  mkdirSync(cache, { recursive: true })
  const pnpm = await ensurePnpm()
  const env = {
    ...quiet,
    PATH: [join(root, 'node_modules', '.bin'), join(cache, 'bin'), process.env.PATH].join(delimiter),
  }
  await once(
    'install',
    manifests(),
    () => [
      'node_modules/.modules.yaml',
      ...packages().map((name) => `packages/${name}/node_modules`),
      'docs/node_modules',
      'examples/node_modules',
    ],
    async () => {
      say('Installing packages')
      await logged(
        'install',
        pnpm.command,
        [...pnpm.args, 'install', '--frozen-lockfile', '--prefer-offline'],
        { ...env, CI: 'true' },
      )
    },
  )
  await once(
    'build',
    ['packages', 'tooling/tsup', 'tooling/tsconfig', 'tsconfig.json', 'turbo.json', 'pnpm-lock.yaml'],
    () => packages().map((name) => `packages/${name}/dist`),
    async () => {
      say('Building')
      await logged(
        'build',
        bin('turbo'),
        ['run', 'build', '--output-logs=errors-only', '--no-update-notifier'],
        env,
      )
    },
  )
  await prepareEngine()
  return env
}

async function prepareEngine() {
  /** @type {typeof import('@selfsup/engine')} */
  const { installFastestEngine } = await import(
    pathToFileURL(join(root, 'packages/engine/dist/index.js')).href
  )
  let stage = ''
  const { fastest, message, fix } = await installFastestEngine({
    onProgress: (progress) => {
      if (progress.stage !== stage) say(progress.message)
      stage = progress.stage
    },
  })
  // A problem is reported each time, success only once.
  const stamp = join(cache, 'engine.stamp')
  if (!fastest || !existsSync(stamp) || readFileSync(stamp, 'utf8') !== message)
    say(`Engine: ${message}${fix ? `; ${fix}, then run this command again` : ''}`)
  writeFileSync(stamp, message)
}

/**
 * Runs tests, lint and type checks, and with `release` a quick rehearsal of a release; the last line is the total.
 * @param {NodeJS.ProcessEnv} env
 * @param {{ release: boolean }} options
 * @returns {Promise<number>} exit code
 */
async function test(env, { release }) {
  const report = join(logs, 'vitest.json')
  const vitest = await attached(
    bin('vitest'),
    ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
    { ...env, TF_CPP_MIN_LOG_LEVEL: '2' },
  )
  const counted = existsSync(report)
    ? JSON.parse(readFileSync(report, 'utf8'))
    : { numPassedTests: 0, numFailedTests: 0 }
  let passed = counted.numPassedTests
  let failed = counted.numFailedTests
  // Errors outside tests, files that do not load, and runs without tests count as failures.
  if ((vitest !== 0 && failed === 0) || passed + failed === 0) failed++
  /** @param {readonly Check[]} one after the other */
  const work = async (one) => {
    for (const check of one) {
      const problem = await problemOf(check, env)
      if (problem) failed++
      else passed++
      say(`${check.name}: ${problem ?? 'passed'}`)
    }
  }
  await Promise.all([work(release ? [typecheck, rehearsal] : [typecheck]), work(checks)])
  console.log(`\n${passed} passed, ${failed} failed`)
  return failed === 0 ? 0 : 1
}

/**
 * @param {Check} check
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string | undefined>} what the check found
 */
async function problemOf({ name, program, args }, env) {
  try {
    await logged(name, program, args, env)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

const [task, ...flags] = process.argv.slice(2)
try {
  const env = await setUp()
  if (task === 'test') process.exitCode = await test(env, { release: flags.includes('--release') })
  else if (task === 'demo')
    process.exitCode = await attached(
      process.execPath,
      [join(root, 'packages/cli/dist/bin.js'), 'demo', ...flags],
      env,
    )
  else if (task === undefined) say('Setup is complete. Next: npm run demo, npm test')
  else throw new SetupError(`unknown task ${task}; available: demo, test`)
} catch (error) {
  if (!(error instanceof SetupError)) throw error
  say(error.message)
  process.exitCode = 1
}
