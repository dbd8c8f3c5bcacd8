import { mkdir, rm } from 'node:fs/promises'
import { expected, formatShape, SelfsupError } from '@selfsup/core'
import {
  checkpointPath,
  checkpointPaths,
  checkpointStep,
  removeUnfinished,
  runPaths,
} from '@selfsup/run-folder'
import * as tf from '@tensorflow/tfjs-core'
import type { HostTensor } from './host-tensor.js'
import {
  readMetadata,
  readSafetensors,
  type Safetensors,
  verifySafetensors,
  writeSafetensors,
} from './safetensors.js'

/** Where a run stands, besides its tensors. */
export interface Position {
  /** steps done */
  readonly step: number
  /** exponential mean of the losses, its weight included: see `followLoss` */
  readonly smoothedLoss: number
  /** sum and number of the losses of the epoch in progress */
  readonly epochLoss: number
  readonly epochSteps: number
}

export interface CheckpointContent {
  readonly position: Position
  /** configuration, settings, versions: what is worth knowing of the run, as JSON */
  readonly run: Readonly<Record<string, unknown>>
}

/** Everything that a run changes, by name: network weights, optimiser slots, method state. */
export type TrainedVariables = ReadonlyMap<string, tf.Variable>

/** Which checkpoints stay. */
export interface Keep {
  readonly last: number
  readonly best: boolean
}

/**
 * Version of a checkpoint's format: `headerSha256` is required. Checkpoints without a version have a hash of the tensors alone; they
 * hold the `formatVersion` of their run's description, as those of this version do.
 */
const CHECKPOINT_VERSION = '2'

/**
 * Writes a checkpoint, reads it back, then removes those that need not be kept. It is there whole or not at all.
 * @param keep.last newest ones that stay; with `best`, the one of lowest smoothed loss stays beside them
 * @returns its path
 * @throws NonFiniteError when a value is NaN or infinite; what the file system threw: those before it are untouched then
 */
export async function saveCheckpoint(
  run: string,
  variables: TrainedVariables,
  { position, run: about }: CheckpointContent,
  keep: Keep,
  onWarning: (message: string) => void = () => {},
): Promise<string> {
  const tensors: Record<string, HostTensor> = {}
  for (const [name, variable] of variables) {
    const values = (await variable.data()) as HostTensor['values']
    if (variable.dtype === 'float32') expectFinite(name, values)
    tensors[name] = { dtype: variable.dtype as HostTensor['dtype'], shape: variable.shape, values }
  }
  const metadata: Record<string, string> = {}
  for (const [key, value] of Object.entries({ ...about, ...position })) metadata[key] = JSON.stringify(value)
  Object.assign(metadata, { format: 'selfsup', checkpointVersion: CHECKPOINT_VERSION })

  await mkdir(runPaths(run).checkpoints, { recursive: true })
  const path = checkpointPath(run, position.step)
  await writeSafetensors(path, { tensors, metadata })
  // Nothing is removed before what replaces it is known to be readable: disks and memory have faults too.
  await verifySafetensors(path).catch(async (error: Error) => {
    await rm(path, { force: true })
    throw new SelfsupError(`what was written could not be read back: ${error.message}`)
  })
  await prune(run, path, keep).catch((error: Error) =>
    onWarning(`older checkpoints can't be removed: ${error.message}; the new one stands`),
  )
  return path
}

/** A value to be saved is NaN or infinite. */
export class NonFiniteError extends SelfsupError {
  override name = 'NonFiniteError'
}

function expectFinite(name: string, values: ArrayLike<number>): void {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i]!)) throw new NonFiniteError(`${name} has a value that is ${values[i]}`)
  }
}

/**
 * Removes all but the newest and the best, and what killed runs left half written. Checkpoints of later steps than
 * the one just written could not be read when the run went on from an earlier one: they go too.
 */
async function prune(run: string, written: string, keep: Keep): Promise<void> {
  const found = await checkpointPaths(run)
  const all = found.slice(found.indexOf(written))
  for (const path of found) if (!all.includes(path)) await rm(path, { force: true })
  let best: string | undefined
  let lowest = Number.POSITIVE_INFINITY
  for (const path of keep.best ? all : []) {
    const metadata = await readMetadata(path).catch(() => undefined)
    const loss = metadata ? lossOf(metadata) : Number.POSITIVE_INFINITY
    if (loss < lowest) [best, lowest] = [path, loss]
  }
  for (const path of all.slice(Math.max(1, keep.last))) if (path !== best) await rm(path, { force: true })
  await removeUnfinished(runPaths(run).checkpoints, 0)
}

function lossOf(metadata: Record<string, string>): number {
  const step = Number(metadata.step)
  return step > 0 ? meanLoss(Number(metadata.smoothedLoss), step) : Number.POSITIVE_INFINITY
}

/** The exponential mean goes back about so many steps. */
const horizon = 100

/** Takes one more loss into the exponential mean (started at 0). */
export function followLoss(smoothed: number, loss: number): number {
  return smoothed + (loss - smoothed) / horizon
}

/** The mean itself: without the weight of the 0 that it started with (Kingma and Ba 2015, sec. 3). */
export function meanLoss(smoothed: number, steps: number): number {
  return steps === 0 ? Number.NaN : smoothed / (1 - (1 - 1 / horizon) ** steps)
}

/**
 * The newest checkpoint that can be read.
 * @param onWarning told of each newer one that is damaged
 * @param fits throws SelfsupError when a checkpoint that is whole holds other things than are wanted
 * @returns undefined when the run has none
 * @throws SelfsupError when none can be read; what `fits` threw last, when all that can be read are others
 */
export async function newestCheckpoint(
  run: string,
  onWarning: (message: string) => void = () => {},
  fits: (path: string, content: Safetensors) => void = () => {},
): Promise<{ path: string; content: Safetensors } | undefined> {
  const all = await checkpointPaths(run)
  const passedOver: string[] = []
  let unfit: unknown
  for (const path of all) {
    try {
      const content = await readCheckpoint(path)
      try {
        fits(path, content)
      } catch (error) {
        unfit ??= error
        throw error
      }
      for (const message of passedOver) onWarning(message)
      return { path, content }
    } catch (error) {
      if (!(error instanceof Error)) throw error
      passedOver.push(`checkpoint passed over: ${error.message}`)
    }
  }
  if (unfit) throw unfit
  expected(
    all.length === 0,
    `${run}: none of its ${all.length} checkpoints can be read; start a new run in another folder`,
  )
  return undefined
}

/**
 * Reads a checkpoint and checks all that can be checked of it.
 * @throws SelfsupError when it is damaged, has no hashes, or says of itself what can't be
 */
export async function readCheckpoint(path: string): Promise<Safetensors> {
  const { checkpointVersion, sha256, headerSha256 } = await readMetadata(path)
  expected(
    sha256 !== undefined && (checkpointVersion === undefined || headerSha256 !== undefined),
    `${path} is damaged, or was not written as a checkpoint: it has no hash of its content`,
  )
  expected(
    checkpointVersion === undefined || checkpointVersion === CHECKPOINT_VERSION,
    `${path} is damaged or was written by another version of Selfsup: its version is ${checkpointVersion}`,
  )
  const content = await readSafetensors(path)
  const { step, smoothedLoss, epochLoss, epochSteps } = positionOf(content)
  expected(
    step === checkpointStep(path) && Number.isSafeInteger(step) && isCount(epochSteps) && epochSteps <= step,
    `${path} is damaged: by its name it is of step ${checkpointStep(path)}; it says step ${step}, ${epochSteps} of them in the epoch`,
  )
  expected(
    Number.isFinite(smoothedLoss) && Number.isFinite(epochLoss),
    `${path} is damaged: its losses are ${smoothedLoss} and ${epochLoss}`,
  )
  return content
}

const isCount = (value: number) => Number.isSafeInteger(value) && value >= 0

/** Where the run stood when the checkpoint was written. */
export function positionOf({ metadata }: Safetensors): Position {
  // As JSON writes a number: Number() takes the empty text for 0.
  const number = (key: string) => (/^-?\d/.test(metadata[key] ?? '') ? Number(metadata[key]) : Number.NaN)
  return {
    step: number('step'),
    smoothedLoss: number('smoothedLoss'),
    epochLoss: number('epochLoss'),
    epochSteps: number('epochSteps'),
  }
}

/**
 * Gives variables the values that a checkpoint holds under their names.
 * @throws SelfsupError when one is missing or has another shape: the networks are others than the run's
 */
export function restore(path: string, content: Safetensors, variables: TrainedVariables): void {
  expectVariables(path, content, variables)
  for (const [name, variable] of variables) {
    const { values, dtype } = content.tensors[name]!
    tf.tidy(() => variable.assign(tf.tensor(values, variable.shape, dtype)))
  }
}

/** The same without giving them. */
export function expectVariables(path: string, { tensors }: Safetensors, variables: TrainedVariables): void {
  for (const [name, variable] of variables) {
    const stored = Object.hasOwn(tensors, name) ? tensors[name] : undefined
    expected(stored, `${path} holds no '${name}': it belongs to another method or backbone`)
    expected(
      formatShape(stored.shape) === formatShape(variable.shape),
      `${path}: '${name}' is ${formatShape(stored.shape)} there, ${formatShape(variable.shape)} here: it belongs to another backbone or other options`,
    )
    expected(
      stored.dtype === variable.dtype,
      `${path}: '${name}' is ${stored.dtype} there, ${variable.dtype} here: it belongs to another method or version`,
    )
  }
}
