// Trains and evaluates a method with the command line, in a separate process, or returns the saved result.
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { keeping } from './keeping.mjs'
import { quick, required } from './packages.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const program = join(here, '../../packages/cli/dist/bin.js')
const folder = required('SELFSUP_CIFAR10')
const whole = { train: join(folder, 'train'), test: join(folder, 'test') }

const kept = keeping(`bench-methods/${quick ? 'quick' : 'full'}`)

/**
 * What is known of a trained method: seconds of training with start-up and decoding, peak memory in MB.
 * @typedef {object} MeasuredMethod
 * @property {string} command
 * @property {number} seconds
 * @property {number} peak
 * @property {number | undefined} spread at the end
 * @property {readonly { features: string, knn: number, linear: number, classifier?: number }[]} results
 */

const mixedPrecision = { float32: 'off', mixed: 'on' }

/**
 * Runs a script with a precision; returns its standard output, and its peak memory in MB.
 * @param {keyof typeof mixedPrecision | undefined} precision
 * @param {string} script
 * @param {readonly string[]} args
 */
function run(precision, script, args) {
  const memory = join(kept.folder, `peak-${process.pid}`)
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    env: {
      ...process.env,
      ...(precision && { SELFSUP_MIXED_PRECISION: mixedPrecision[precision] }),
      SELFSUP_PEAK_MEMORY: memory,
      NODE_OPTIONS: `--import=${pathToFileURL(join(here, 'report-peak-memory.mjs')).href}`,
    },
  })
  if (status !== 0) throw new Error(`${script} ${args.join(' ')}: ${stderr.trim().split('\n').at(-1)}`)
  const peak = Number(readFileSync(memory, 'utf8'))
  rmSync(memory)
  return { stdout, peak }
}

/**
 * Runs `selfsup pretrain` on the training images and `selfsup evaluate` on the training and test images.
 * @param {string} name
 * @param {object} how
 * @param {string} how.method
 * @param {readonly string[]} how.flags of `selfsup pretrain`
 * @param {number} how.epochs
 * @param {number} [how.batch]
 * @param {boolean} [how.baselines]
 * @param {keyof typeof mixedPrecision} [how.precision] default: as set in the environment
 * @param {{ train: string, test: string }} [how.images] folders; default: all images of CIFAR-10
 * @param {boolean} [how.asked]
 * @returns {Promise<MeasuredMethod | undefined>}
 */
export function measuredMethod(
  name,
  { method, flags, epochs, batch = 256, baselines = false, precision, images = whole, asked = true },
) {
  const title = `${name.replaceAll(/\W+/g, '-')}-${epochs}`
  const measure = () => {
    const out = join(kept.folder, `run-${title}`)
    rmSync(out, { recursive: true, force: true })
    const { train, test } = images
    const started = performance.now()
    const { stdout, peak } = run(precision, program, [
      ...['pretrain', method, train, '--out', out, '--json', '--backbone', 'convnet', '--size', '32'],
      ...['--epochs', `${epochs}`, '--batch', `${batch}`, '--seed', '1', '--checkpoint-every', '100000'],
      ...flags,
    ])
    const seconds = (performance.now() - started) / 1000
    const steps = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .filter(({ event }) => event === 'step')
    const evaluated = run(precision, program, [
      'evaluate',
      out,
      train,
      test,
      '--json',
      ...(baselines ? ['--baselines'] : []),
    ])
    rmSync(out, { recursive: true })
    const command = `selfsup pretrain ${method} --batch ${batch} --epochs ${epochs} ${flags.join(' ')}`
    const { results } = JSON.parse(evaluated.stdout)
    return { command, seconds, peak, spread: steps.at(-1)?.spread, results }
  }
  return kept.onceIf(title, measure, asked)
}

/**
 * The same network with supervised training.
 * @param {{ epochs: number, asked?: boolean }} how
 * @returns {Promise<MeasuredMethod | undefined>}
 */
export function measuredSupervised({ epochs, asked = true }) {
  const measure = () => {
    const { stdout, peak } = run(undefined, join(here, 'methods-supervised.mjs'), [`${epochs}`])
    return { ...JSON.parse(stdout.trim().split('\n').at(-1) ?? ''), peak }
  }
  return kept.onceIf(`supervised-${epochs}`, measure, asked)
}
