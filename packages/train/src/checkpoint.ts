import { expected, formatShape, SelfsupError } from '@selfsup/core'
import {
  checkpointPath,
  checkpointPaths,
  checkpointStep,
  damagedFile,
  runPaths,
  runStorage,
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

/** Progress of a run, in addition to its tensors. */
export interface Position {
  /** number of finished steps */
  readonly step: number
  /** exponential moving average of the losses, started at 0 and not bias-corrected: see `followLoss` and `meanLoss` */
  readonly smoothedLoss: number
  /** sum and number of the losses in the current epoch */
  readonly epochLoss: number
  readonly epochSteps: number
  /** by the names of a step's phases: the first step that ran what XLA compiled. A resumed run waits for XLA there */
  readonly xlaFrom?: Readonly<Record<string, number>>
  /** highest score of the features so far and the step of its weights, for runs that stop early */
  readonly bestScore?: number
  readonly bestStep?: number
}

/** A position that the loop updates. */
export type MovingPosition = { -readonly [Key in keyof Position]: Position[Key] }

export interface CheckpointContent {
  readonly position: Position
  /** description of the run (configuration, settings, versions), stored as JSON */
  readonly run: Readonly<Record<string, unknown>>
}

/** All variables that a run changes, by name: network weights, optimiser slots, method state. */
export type TrainedVariables = ReadonlyMap<string, tf.Variable>

/** Which checkpoints to keep. */
export interface Keep {
  /** number of newest checkpoints */
  readonly last: number
  /** whether to also keep the one with the lowest smoothed loss */
  readonly best: boolean
  /** a step whose checkpoint is kept */
  readonly step?: number
}

/**
 * Version of a checkpoint's format: `headerSha256` is required. Checkpoints without a version have a hash of the tensors alone; they
 * hold the `formatVersion` of their run's description, as those of this version do.
 */
const CHECKPOINT_VERSION = '2'

/** The values of variables at one moment, which training may change afterwards. */
export interface Snapshot {
  readonly values: ReadonlyMap<string, tf.Tensor>
  dispose(): void
}

/**
 * Keeps the present values of variables, on the device and without copying them. Only for engines that write new values of a
 * variable to new memory; the caller disposes of it.
 */
export function snapshotOf(variables: TrainedVariables): Snapshot {
  const values = new Map([...variables].map(([name, variable]) => [name, tf.keep(tf.clone(variable))]))
  return { values, dispose: () => tf.dispose([...values.values()]) }
}

/**
 * Writes a checkpoint atomically, verifies it, then removes older checkpoints that `keep` does not ask for.
 * @returns the path of the checkpoint
 * @throws NonFiniteError if a value is NaN or infinite; SelfsupError if the written file cannot be verified; errors of the file
 *   system. Earlier checkpoints are unchanged then
 */
export async function saveCheckpoint(
  run: string,
  variables: ReadonlyMap<string, tf.Tensor>,
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

  const path = checkpointPath(run, position.step)
  await writeSafetensors(path, { tensors, metadata })
  // Verify the new checkpoint before removing older ones: disks and memory have faults too.
  await verifySafetensors(path).catch(async (error: Error) => {
    await runStorage.remove(path)
    throw new SelfsupError(`the written checkpoint could not be read back: ${error.message}`)
  })
  await prune(run, path, keep).catch((error: Error) =>
    onWarning(`older checkpoints can't be removed: ${error.message}; the new checkpoint is saved`),
  )
  return path
}

/** A value of a checkpoint is NaN or infinite. */
export class NonFiniteError extends SelfsupError {
  override name = 'NonFiniteError'
}

function expectFinite(name: string, values: ArrayLike<number>): void {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i]!)) throw new NonFiniteError(`${name} has a value that is ${values[i]}`)
  }
}

/**
 * Removes all checkpoints except the newest and the best, and partial files of killed runs. Also removes checkpoints of steps
 * after the one just written: they exist only if they were unreadable and the run resumed from an earlier one.
 */
async function prune(run: string, written: string, keep: Keep): Promise<void> {
  const found = await checkpointPaths(run)
  const all = found.slice(found.indexOf(written))
  for (const path of found) if (!all.includes(path)) await runStorage.remove(path)
  let best: string | undefined
  let lowest = Number.POSITIVE_INFINITY
  for (const path of keep.best ? all : []) {
    const metadata = await readMetadata(path).catch(() => undefined)
    const loss = metadata ? lossOf(metadata) : Number.POSITIVE_INFINITY
    if (loss < lowest) [best, lowest] = [path, loss]
  }
  for (const path of all.slice(Math.max(1, keep.last)))
    if (path !== best && checkpointStep(path) !== keep.step) await runStorage.remove(path)
  await runStorage.removeUnfinished(runPaths(run).checkpoints)
}

function lossOf(metadata: Record<string, string>): number {
  const step = Number(metadata.step)
  return step > 0 ? meanLoss(Number(metadata.smoothedLoss), step) : Number.POSITIVE_INFINITY
}

/** Approximate number of steps that the exponential moving average covers. */
const horizon = 100

/** Adds a loss to the exponential moving average, which starts at 0. */
export function followLoss(smoothed: number, loss: number): number {
  return smoothed + (loss - smoothed) / horizon
}

/** The bias-corrected mean: removes the weight of the initial 0 (Kingma and Ba 2015, sec. 3). */
export function meanLoss(smoothed: number, steps: number): number {
  return steps === 0 ? Number.NaN : smoothed / (1 - (1 - 1 / horizon) ** steps)
}

/**
 * Reads the newest checkpoint that is not damaged.
 * @param onWarning receives a message for each newer checkpoint that was skipped
 * @param fits throws SelfsupError if an undamaged checkpoint does not match the run
 * @returns undefined if the run has no checkpoint
 * @throws SelfsupError if no checkpoint can be read; the first error of `fits` if no readable checkpoint matches
 */
export async function newestCheckpoint(
  run: string,
  onWarning: (message: string) => void = () => {},
  fits: (path: string, content: Safetensors) => void = () => {},
): Promise<{ path: string; content: Safetensors } | undefined> {
  const all = await checkpointPaths(run)
  const skipped: string[] = []
  let mismatch: unknown
  for (const path of all) {
    try {
      const content = await readCheckpoint(path)
      try {
        fits(path, content)
      } catch (error) {
        mismatch ??= error
        throw error
      }
      for (const message of skipped) onWarning(message)
      return { path, content }
    } catch (error) {
      if (!(error instanceof Error)) throw error
      skipped.push(`checkpoint skipped: ${error.message}`)
    }
  }
  if (mismatch) throw mismatch
  expected(all.length === 0, `${run}: none of the ${all.length} checkpoints can be read`, {
    code: 'damaged-file',
    fix: 'start a new run in another folder',
    path: run,
  })
  return undefined
}

/**
 * Reads a checkpoint and verifies its hashes and its position.
 * @throws SelfsupError if it is damagedFile, has no hashes, or its position is not consistent
 */
export async function readCheckpoint(path: string): Promise<Safetensors> {
  const { checkpointVersion, sha256, headerSha256 } = await readMetadata(path)
  expected(
    sha256 !== undefined && (checkpointVersion === undefined || headerSha256 !== undefined),
    `${path} is damagedFile, or was not written as a checkpoint: it has no hash of its content`,
    damagedFile(path),
  )
  expected(
    checkpointVersion === undefined || checkpointVersion === CHECKPOINT_VERSION,
    `${path} is damaged or was written by another version of Selfsup: its version is ${checkpointVersion}`,
    damagedFile(path),
  )
  const content = await readSafetensors(path)
  const { step, smoothedLoss, epochLoss, epochSteps } = positionOf(content)
  expected(
    step === checkpointStep(path) && Number.isSafeInteger(step) && isCount(epochSteps) && epochSteps <= step,
    `${path} is damaged: its file name says step ${checkpointStep(path)}, its content step ${step} with ${epochSteps} steps in the current epoch`,
    damagedFile(path),
  )
  expected(
    Number.isFinite(smoothedLoss) && Number.isFinite(epochLoss),
    `${path} is damaged: its losses are ${smoothedLoss} and ${epochLoss}`,
    damagedFile(path),
  )
  return content
}

const isCount = (value: number) => Number.isSafeInteger(value) && value >= 0

/** Progress of the run at the time of the checkpoint. */
export function positionOf({ metadata }: Safetensors): Position {
  // Accept only numbers as JSON writes them: Number('') would be 0.
  const number = (key: string) => (/^-?\d/.test(metadata[key] ?? '') ? Number(metadata[key]) : Number.NaN)
  return {
    step: number('step'),
    smoothedLoss: number('smoothedLoss'),
    epochLoss: number('epochLoss'),
    epochSteps: number('epochSteps'),
    ...('xlaFrom' in metadata && { xlaFrom: stepsByPhases(metadata.xlaFrom!) }),
    ...('bestStep' in metadata && { bestScore: number('bestScore'), bestStep: number('bestStep') }),
  }
}

function stepsByPhases(text: string): Record<string, number> {
  const value: unknown = JSON.parse(text)
  return Object.fromEntries(
    Object.entries(value ?? {}).filter((entry): entry is [string, number] => isCount(Number(entry[1]))),
  )
}

/**
 * Assigns the values of a checkpoint to variables, by name.
 * @throws SelfsupError if a tensor is missing or has a different shape or type, because the checkpoint belongs to other networks
 */
export function restore(path: string, content: Safetensors, variables: TrainedVariables): void {
  expectVariables(path, content, variables)
  for (const [name, variable] of variables) {
    const { values, dtype } = content.tensors[name]!
    tf.tidy(() => variable.assign(tf.tensor(values, variable.shape, dtype)))
  }
}

/**
 * Checks that a checkpoint has a tensor for each variable, without assigning them.
 * @throws SelfsupError as `restore` does
 */
export function expectVariables(path: string, { tensors }: Safetensors, variables: TrainedVariables): void {
  const differs = { code: 'run-differs', path } as const
  for (const [name, variable] of variables) {
    const stored = Object.hasOwn(tensors, name) ? tensors[name] : undefined
    expected(stored, `${path} contains no '${name}': it belongs to a different method or backbone`, differs)
    expected(
      formatShape(stored.shape) === formatShape(variable.shape),
      `${path}: '${name}' has shape ${formatShape(stored.shape)}, expected ${formatShape(variable.shape)}: the checkpoint belongs to a different backbone or different options`,
      differs,
    )
    expected(
      stored.dtype === variable.dtype,
      `${path}: '${name}' has type ${stored.dtype}, expected ${variable.dtype}: the checkpoint belongs to a different method or version`,
      differs,
    )
  }
}
