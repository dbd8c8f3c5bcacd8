import {
  generalisedLiftedStructured,
  labelledContrastive,
  labelledTriplet,
  liftedStructured,
  nPair,
  supCon,
  type TripletOptions,
} from '@selfsup/losses'
import * as tf from '@tensorflow/tfjs-core'
import type { MetricLearningSettings } from './options.js'

/**
 * Computes the loss that the options select.
 * @param pairs returns anchors and positives, with the class of each pair; only n-pair needs it
 */
export function lossOf(
  z: tf.Tensor2D,
  labels: tf.Tensor1D,
  pairs: () => Pairs,
  { loss, mining, temperature, regularisation, ...options }: MetricLearningSettings,
): tf.Scalar {
  const margin = options.margin === 'auto' ? undefined : options.margin // undefined: the default of the loss
  switch (loss) {
    case 'contrastive':
      return labelledContrastive(z, labels, { margin, normalise: true, reduction: 'nonZero' })
    case 'triplet':
      return labelledTriplet(z, labels, { mining, ...distancesOf(mining, margin) })
    case 'lifted':
      return liftedStructured(z, labels, { margin, normalise: true })
    case 'generalised-lifted':
      return generalisedLiftedStructured(z, labels, { margin, normalise: true })
    case 'supcon':
      return supCon(z, labels, { temperature })
    case 'n-pair': {
      const { anchors, positives, labels } = pairs()
      return nPair(anchors, positives, { regularisation, labels })
    }
  }
}

/** Whether the loss normalises embeddings to length 1. */
export function onSphere({ loss, mining }: MetricLearningSettings): boolean {
  return loss !== 'n-pair' && (loss !== 'triplet' || mining === 'semi-hard')
}

/**
 * Distances of the triplet loss. Semi-hard triplets use FaceNet's squared distances of normalised embeddings. With hard
 * mining these tend to collapse, so Hermans et al. (section 3.2) use Euclidean distances of unnormalised embeddings and a
 * soft margin.
 */
function distancesOf(mining: MetricLearningSettings['mining'], margin: number | undefined): TripletOptions {
  if (mining === 'semi-hard') return { margin }
  return { squared: false, normalise: false, softMargin: margin === undefined, margin: margin ?? 0 }
}

interface Pairs {
  readonly anchors: tf.Tensor2D
  readonly positives: tf.Tensor2D
  readonly labels: tf.Tensor1D
}

/** Pairs of neighbouring rows. In balanced batches these have the same class. */
export function neighbours(z: tf.Tensor2D, labels: tf.Tensor1D): Pairs {
  const [anchors, positives] = tf.unstack(tf.reshape(z, [-1, 2, z.shape[1]]), 1) as [tf.Tensor2D, tf.Tensor2D]
  return { anchors, positives, labels: tf.unstack(tf.reshape(labels, [-1, 2]), 1)[0] as tf.Tensor1D }
}

/** Reorders rows from copy by copy to image by image. */
export function byImage<T extends tf.Tensor>(x: T, copies: number): T {
  const [rows, ...rest] = x.shape
  const split = tf.reshape(x, [copies, rows! / copies, -1])
  return tf.reshape(tf.transpose(split, [1, 0, 2]), [rows!, ...rest]) as T
}
