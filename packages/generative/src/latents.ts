import { foldIn, randomNormal, randomUniform } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'

/** What latents are drawn from: a standard normal distribution, or evenly from -1 to 1, each unit for itself. */
export type LatentDistribution = 'normal' | 'uniform'

/** Streams of a step's seed, apart from what views draw. */
const streams = { latents: 0x1a7e, from: 0x1a7f, to: 0x1a80 } as const

/**
 * Latents of a batch.
 * @param seed int32 [2], of the step
 * @returns [count, units]
 */
export function drawLatents(
  distribution: LatentDistribution,
  count: number,
  units: number,
  seed: tf.Tensor1D,
  stream: keyof typeof streams = 'latents',
): tf.Tensor2D {
  return tf.tidy(() => {
    const own = foldIn(seed, streams[stream])
    return distribution === 'normal'
      ? randomNormal<tf.Rank.R2>([count, units], own)
      : randomUniform<tf.Rank.R2>([count, units], own, { min: -1, max: 1 })
  })
}

/**
 * Between two latents along the great circle, lengths in proportion: in many dimensions nearly all of a normal
 * distribution lies on a sphere, which a straight line would leave (White 2016, arXiv:1609.04468, section 2.1).
 * @param from, to [n, units]
 * @param t 0..1: 0 gives `from`, 1 gives `to`; where both point the same (or the opposite) way, along the straight line
 * @returns [n, units]
 */
export function spherical(from: tf.Tensor2D, to: tf.Tensor2D, t: number): tf.Tensor2D {
  return tf.tidy(() => {
    const length = (x: tf.Tensor) => tf.maximum(tf.sqrt(tf.sum(tf.square(x), 1, true)), 1e-12)
    const cosine = tf.sum(tf.mul(tf.div(from, length(from)), tf.div(to, length(to))), 1, true)
    const angle = tf.acos(tf.clipByValue(cosine, -1, 1))
    const sine = tf.sin(angle)
    const straight = tf.less(tf.abs(sine), 1e-4)
    const part = (share: number) =>
      tf.where(
        straight,
        tf.fill(sine.shape, share),
        tf.div(tf.sin(tf.mul(angle, share)), tf.where(straight, tf.onesLike(sine), sine)),
      )
    return tf.add(tf.mul(from, part(1 - t)), tf.mul(to, part(t)))
  })
}

/** Images to look at: of fixed latents, and on the ways between such. */
export interface LatentImages {
  /** [32, height, width, channels] */
  readonly samples: tf.Tensor4D
  /** [32, height, width, channels]: four rows of eight, from one end to the other */
  readonly interpolations: tf.Tensor4D
}

/**
 * Samples from the same latents at each call with the same seed, and spherical interpolations between pairs of them.
 * @param generate from [n, units] to images
 */
export function latentImages(
  generate: (latents: tf.Tensor2D) => tf.Tensor4D,
  distribution: LatentDistribution,
  units: number,
  seed: tf.Tensor1D,
): LatentImages {
  const [ways, perWay] = [4, 8]
  const draw = (count: number, stream: keyof typeof streams) =>
    drawLatents(distribution, count, units, seed, stream)
  const [from, to] = [draw(ways, 'from'), draw(ways, 'to')]
  const between = Array.from({ length: perWay }, (_, i) => spherical(from, to, i / (perWay - 1)))
  return {
    samples: generate(draw(32, 'latents')),
    // Row by row: all steps of one way, then of the next.
    interpolations: generate(tf.reshape(tf.stack(between, 1), [ways * perWay, units])),
  }
}
