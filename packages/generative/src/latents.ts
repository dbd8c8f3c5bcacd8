import { foldIn, randomNormal, randomUniform } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'

/** Distribution of each latent: standard normal, or uniform from -1 to 1. */
export type LatentDistribution = 'normal' | 'uniform'

/** Random streams of latents, different from those of the views. */
const streams = { latents: 0x1a7e, from: 0x1a7f, to: 0x1a80 } as const

/**
 * Draws the latents of a batch.
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
 * Spherical interpolation between latents, with linear interpolation of their lengths. In many dimensions a normal
 * distribution is concentrated near a sphere, which a straight line would leave (White 2016, arXiv:1609.04468, section 2.1).
 * @param from, to [n, units]
 * @param t 0..1: 0 gives `from`, 1 gives `to`; linear interpolation if both have the same or opposite directions
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

/** Images for inspection: samples from fixed latents, and interpolations. */
export interface LatentImages {
  /** [32, height, width, channels] */
  readonly samples: tf.Tensor4D
  /** [32, height, width, channels]: four rows of eight steps */
  readonly interpolations: tf.Tensor4D
}

/**
 * Generates samples, and spherical interpolations between pairs of latents. The same seed gives the same latents.
 * @param generate maps [n, units] to images
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
    // Row by row: all steps of one interpolation, then of the next.
    interpolations: generate(tf.reshape(tf.stack(between, 1), [ways * perWay, units])),
  }
}
