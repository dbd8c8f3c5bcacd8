import { expected } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'

/** A value (learning rate, momentum, temperature) for each step; steps are counted from 0. */
export type Schedule = (step: number) => number

/** The same value at every step. */
export function constant(value: number): Schedule {
  return () => value
}

/**
 * Scales the learning rate with the batch size: `rate * batchSize / reference` (Goyal et al. 2017, arXiv:1706.02677).
 * @param rate learning rate for a batch of `reference` images
 */
export function linearScaling(rate: number, batchSize: number, reference = 256): number {
  return (rate * batchSize) / reference
}

export interface WarmupOptions {
  /** the maximum, reached at the end of the warm-up */
  readonly base: number
  /** number of steps that rise linearly from base / warmupSteps to base; default 0 */
  readonly warmupSteps?: number
}

/**
 * Linear warm-up, then half a cosine down to `final` (Loshchilov and Hutter 2017, arXiv:1608.03983).
 * After the warm-up it equals torch's CosineAnnealingLR; it equals lightly's CosineWarmupScheduler with one more step.
 *
 * @param options.totalSteps number of steps including the warm-up; later steps stay at `final`
 * @throws SelfsupError if warmupSteps is greater than totalSteps
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
 * @param options.milestones steps in ascending order
 * @throws SelfsupError if the milestones are not ascending
 */
export function multiStep({
  base,
  warmupSteps = 0,
  milestones,
  factor = 0.1,
}: WarmupOptions & { readonly milestones: readonly number[]; readonly factor?: number }): Schedule {
  expected(
    milestones.every((milestone, i) => i === 0 || milestone > milestones[i - 1]!),
    `multiStep: milestones must be ascending; got ${milestones.join(', ')}`,
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
 * The schedule `cosine` on the device, for a value that a method computes within its step.
 * @param progress scalar, completed fraction of the training, 0..1
 * @returns scalar: `from` at 0, `to` at 1, half a cosine in between
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
