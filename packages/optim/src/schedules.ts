import { expected } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'

/** A value for each step, counted from 0: learning rate, momentum, temperature. */
export type Schedule = (step: number) => number

/** The same value at every step. */
export function constant(value: number): Schedule {
  return () => value
}

/**
 * The rule that learning rates grow with the batch, `rate * batchSize / 256` (Goyal et al. 2017, arXiv:1706.02677).
 * @param rate for a batch of `reference` images
 */
export function linearScaling(rate: number, batchSize: number, reference = 256): number {
  return (rate * batchSize) / reference
}

export interface WarmupOptions {
  /** the highest value, reached at the end of the warm-up */
  readonly base: number
  /** steps of linear rise from base / warmupSteps to base; default 0 */
  readonly warmupSteps?: number
}

/**
 * Linear warm-up, then half a cosine down to `final` (Loshchilov and Hutter 2017, arXiv:1608.03983):
 * torch's CosineAnnealingLR after the warm-up, lightly's CosineWarmupScheduler with one step more.
 *
 * @param options.totalSteps all steps, warm-up included; later steps stay at `final`
 * @throws SelfsupError when the warm-up is longer than the whole
 */
export function warmupCosine({
  base,
  warmupSteps = 0,
  totalSteps,
  final = 0,
}: WarmupOptions & { readonly totalSteps: number; readonly final?: number }): Schedule {
  expected(
    warmupSteps >= 0 && warmupSteps <= totalSteps,
    `warmupCosine: warmupSteps must be between 0 and totalSteps (${totalSteps}); got ${warmupSteps}`,
  )
  return (step) => {
    if (step < warmupSteps) return (base * (step + 1)) / warmupSteps
    if (step >= totalSteps) return final
    const done = (step - warmupSteps) / (totalSteps - warmupSteps)
    return final + ((base - final) * (1 + Math.cos(Math.PI * done))) / 2
  }
}

/**
 * Linear warm-up, then `base` multiplied by `factor` at each milestone: torch's MultiStepLR.
 * @param options.milestones steps, ascending
 * @throws SelfsupError when the milestones do not ascend
 */
export function multiStep({
  base,
  warmupSteps = 0,
  milestones,
  factor = 0.1,
}: WarmupOptions & { readonly milestones: readonly number[]; readonly factor?: number }): Schedule {
  expected(
    milestones.every((milestone, i) => i === 0 || milestone > milestones[i - 1]!),
    `multiStep: milestones must ascend; got ${milestones.join(', ')}`,
  )
  return (step) => {
    if (step < warmupSteps) return (base * (step + 1)) / warmupSteps
    return base * factor ** milestones.filter((milestone) => step >= milestone).length
  }
}

/** Half a cosine from one value to another over `totalSteps`: BYOL's momentum, 0.996 to 1 (arXiv:2006.07733, sec. 3.3). */
export function cosine({
  from,
  to,
  totalSteps,
}: {
  readonly from: number
  readonly to: number
  readonly totalSteps: number
}): Schedule {
  return warmupCosine({ base: from, final: to, totalSteps })
}

/**
 * The same on the device, for a value that a method computes within its step.
 * @param progress scalar, part of the training that is done, 0..1
 * @returns scalar: `from` at 0, `to` at 1, half a cosine between
 */
export function cosineOf(
  progress: tf.Scalar,
  { from, to }: { readonly from: number; readonly to: number },
): tf.Scalar {
  return tf.tidy(() => {
    const left = tf.mul(tf.add(tf.cos(tf.mul(progress, Math.PI)), 1), 0.5)
    return tf.add(tf.mul(left, from - to), to) as tf.Scalar
  })
}
