import * as tf from '@tensorflow/tfjs-core'
import { batchLength, type PlacedBatch, stepSeed, toDevice } from './batch-stream.js'
import type { MovingPosition } from './checkpoint.js'
import type { LoopParts } from './loop-parts.js'
import { phasesAt } from './phases.js'

/** A step that the device is computing. Its loss is read while the next step runs. */
export interface PendingStep {
  /** counted from 0 */
  readonly step: number
  readonly epoch: number
  readonly learningRate: number
  /** number of images, of all workers */
  readonly images: number
  readonly phases: readonly string[]
  /** whether XLA is compiling this step in the background */
  readonly compiling: boolean
  /** input of `TrainingStep.read` */
  readonly values: tf.Tensor1D
}

/**
 * Starts a step without waiting for its result. The caller disposes of its values. Updates the position's `xlaFrom`: XLA's results
 * differ by rounding, so a resumed run uses XLA from the same step on.
 */
export async function startStep(
  parts: LoopParts,
  position: MovingPosition,
  { step, batch }: PlacedBatch,
): Promise<PendingStep> {
  const learningRate = parts.schedule(step)
  const epoch = Math.floor(step / parts.stepsPerEpoch)
  const phases = phasesAt(parts.method, { step, epoch })
  const device = toDevice(batch)
  const inputs = {
    seed: tf.tensor1d([...stepSeed(parts.settings.seed, step)], 'int32'),
    learningRate: tf.scalar(learningRate),
    highestRate: tf.scalar(parts.settings.learningRate),
    progress: tf.scalar(step / parts.totalSteps),
    epoch: tf.scalar(epoch),
    ...(parts.together && { stop: tf.scalar(parts.options.signal?.aborted ? 1 : 0) }),
  }
  try {
    const name = phases.join(' ')
    const xlaFrom = position.xlaFrom ?? {}
    const recorded = Object.hasOwn(xlaFrom, name)
    if (recorded && !parts.step.byXla) await parts.step.prepare(device, inputs, phases, parts.together?.rows)
    const values = parts.step.run(device, inputs, phases, parts.together?.rows)
    if (parts.step.byXla && !recorded) position.xlaFrom = { ...xlaFrom, [name]: step }
    const images = parts.together ? parts.settings.batchSize : batchLength(batch)
    return { step, epoch, learningRate, images, phases, compiling: parts.step.compiling, values }
  } finally {
    tf.dispose({ ...device, ...inputs })
  }
}
