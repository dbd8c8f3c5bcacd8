import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type Dataset,
  expected,
  type Method,
  type Normalisation,
  type OptionValue,
  SelfsupError,
} from '@selfsup/core'
import type { Engine, Precision } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import manifest from '../package.json' with { type: 'json' }
import { writeAtomically } from './atomic-file.js'
import { checkpoints, stepOf } from './checkpoint.js'
import type { TrainSettings } from './options.js'

/** What is written down of a run when it starts: config.json. */
export interface RunDescription {
  readonly formatVersion: 2
  readonly method: string
  /** the method's, as it was made */
  readonly options: Readonly<Record<string, OptionValue>>
  /** of its pixels, where it says so */
  readonly normalisation?: Normalisation
  readonly dataset: {
    readonly name: string
    readonly fingerprint: string
    readonly length: number
    /** of images */
    readonly channels?: number
  }
  readonly settings: TrainSettings
  readonly stepsPerEpoch: number
  /** the caller's own, as it was given to `train` */
  readonly config: Readonly<Record<string, unknown>>
  /** in what its steps compute; missing from runs made before it was written down */
  readonly precision?: Precision
  readonly versions: Readonly<Record<string, string>>
}

/** A run as it lies in its folder. */
export interface Run extends RunDescription {
  readonly folder: string
  /** steps done at the newest checkpoint; 0 when there is none */
  readonly step: number
  /** steps of the whole run */
  readonly totalSteps: number
  readonly finished: boolean
}

/** Describes a run that is about to start. */
export function describeRun(
  method: Method,
  dataset: Dataset & { readonly channels?: number },
  settings: TrainSettings,
  stepsPerEpoch: number,
  config: Readonly<Record<string, unknown>>,
  engine: Engine,
): RunDescription {
  const { name, fingerprint, length, channels } = dataset
  return {
    formatVersion: 2,
    method: method.name,
    options: method.options ?? {},
    normalisation: method.normalisation,
    dataset: { name, fingerprint, length, channels },
    settings,
    stepsPerEpoch,
    config,
    precision: engine.precision,
    versions: {
      '@selfsup/train': manifest.version,
      '@tensorflow/tfjs-core': tf.version_core,
      node: process.versions.node,
      engine: `${engine.name}: ${engine.description}`,
    },
  }
}

/** How many steps a run has. */
export function totalStepsOf({ epochs, maxSteps }: TrainSettings, stepsPerEpoch: number): number {
  return Math.min(stepsPerEpoch * epochs, maxSteps ?? Number.POSITIVE_INFINITY)
}

/**
 * Reads what a folder says of the run in it.
 * @throws SelfsupError when it holds none, or its config.json can't be read
 */
export async function readRun(folder: string): Promise<Run> {
  const path = join(folder, 'config.json')
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR')
      throw new SelfsupError(`${folder} holds no run: there is no ${path}`)
    throw new SelfsupError(`${path} can't be read: ${error.message}`)
  })
  let description: RunDescription
  try {
    description = JSON.parse(text)
  } catch (error) {
    throw new SelfsupError(`${path} is damaged: ${(error as Error).message}`)
  }
  expected(description.formatVersion === 2, `${path} was written by another version of Selfsup`)
  const [newest] = await checkpoints(folder)
  const step = newest ? stepOf(newest) : 0
  const totalSteps = totalStepsOf(description.settings, description.stepsPerEpoch)
  return { ...description, folder, step, totalSteps, finished: step >= totalSteps }
}

/** Makes the folder of a run. @throws SelfsupError when it can't be */
export async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    throw new SelfsupError(
      error.code === 'EEXIST' || error.code === 'ENOTDIR'
        ? `${folder} can't be a run's folder: there is a file in its place`
        : `${folder} can't be made: ${error.message}`,
    )
  })
}

/**
 * Writes down a run that starts. One that never got to save a step is replaced.
 * @throws SelfsupError when the folder holds one already
 */
export async function startRun(folder: string, description: RunDescription): Promise<void> {
  const other = await readRun(folder).catch((error) => {
    if (error instanceof SelfsupError && error.message.includes('holds no run')) return undefined
    throw error
  })
  if (other?.step === 0) await clear(folder)
  else if (other) {
    const state = other.finished ? 'finished' : `step ${other.step} of ${other.totalSteps}`
    throw new SelfsupError(
      `${folder} holds a run already (${other.method}, ${state}): go on with it by \`selfsup resume ${folder}\`, or choose another folder`,
    )
  }
  await writeAtomically(join(folder, 'config.json'), (file) =>
    file.writeFile(`${JSON.stringify(description, null, 2)}\n`),
  )
}

/** Removes what a run that came to nothing left. */
async function clear(folder: string): Promise<void> {
  for (const name of await readdir(folder))
    if (/^(checkpoints|metrics\.jsonl|events\.out\.tfevents\..*)$/.test(name))
      await rm(join(folder, name), { recursive: true, force: true })
}

/**
 * A run goes on only as what it was: the same method with the same options, images and settings.
 * @throws SelfsupError naming what differs
 */
export function expectSameRun(run: Run, now: RunDescription): void {
  const differences: string[] = []
  const compare = (name: string, then: unknown, today: unknown) => {
    if (JSON.stringify(then) !== JSON.stringify(today))
      differences.push(`${name} was ${JSON.stringify(then)}, now ${JSON.stringify(today)}`)
  }
  const compareEach = (kind: string, then: object, today: object) => {
    const [before, after] = [new Map(Object.entries(then)), new Map(Object.entries(today))]
    for (const name of new Set([...before.keys(), ...after.keys()]))
      compare(`${kind}${name}`, before.get(name), after.get(name))
  }
  compare('method', run.method, now.method)
  compareEach("the method's option ", run.options, now.options)
  if (run.normalisation) compare('normalisation', run.normalisation, now.normalisation) // runs from before it was written down
  compare('number of images', run.dataset.length, now.dataset.length)
  compare('channels', run.dataset.channels, now.dataset.channels)
  if (run.dataset.fingerprint !== now.dataset.fingerprint)
    differences.push('the images are others: some were added, removed or changed since')
  compareEach('', run.settings, now.settings)
  expected(
    differences.length === 0,
    `${run.folder} can't go on, for the run would not be the same: ${differences.join('; ')}`,
  )
}

/**
 * A warning for a run that continues in another precision than it was started in: its numbers will differ.
 * @returns undefined where the precision is the same
 */
export function precisionWarning(run: Run, now: RunDescription): string | undefined {
  if (run.precision === undefined) {
    if (!/\b(bfloat16|float16)$/.test(run.versions?.engine ?? '')) return undefined
    return (
      'this run was started by a version whose mixed precision also kept weights, optimiser state and momentum networks in ' +
      '16 bits; they are float32 from here on, so that losses and weights will differ from what that version would have given'
    )
  }
  if (run.precision === now.precision) return undefined
  return (
    `this run was started in ${named(run.precision)} and goes on in ${named(now.precision)}, so that losses and weights will ` +
    'differ slightly from what they would have been'
  )
}

function named(precision: Precision | undefined): string {
  return precision === 'mixed-bfloat16' ? 'mixed precision (bfloat16)' : 'float32'
}
