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
import type { Resolved } from './options.js'

/** @param pairs rows of one class, two by two: anchors and positives with the class of each pair */
export function lossOf(
  z: tf.Tensor2D,
  labels: tf.Tensor1D,
  pairs: () => Pairs,
  { loss, mining, temperature, regularisation, ...options }: Resolved,
): tf.Scalar {
  const margin = options.margin === 'auto' ? undefined : options.margin // the loss's own
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

/** Whether the loss compares embeddings of length 1. */
export function onSphere({ loss, mining }: Resolved): boolean {
  return loss !== 'n-pair' && (loss !== 'triplet' || mining === 'semi-hard')
}

/**
 * FaceNet's squared distances on the sphere for semi-hard triplets; where the hardest are mined they fall together, so
 * that Hermans et al. (section 3.2) take plain ones, of embeddings of any length, and a soft margin.
 */
function distancesOf(mining: Resolved['mining'], margin: number | undefined): TripletOptions {
  if (mining === 'semi-hard') return { margin }
  return { squared: false, normalise: false, softMargin: margin === undefined, margin: margin ?? 0 }
}

interface Pairs {
  readonly anchors: tf.Tensor2D
  readonly positives: tf.Tensor2D
  readonly labels: tf.Tensor1D
}

/** Neighbouring rows as pairs: balanced batches hold class after class. */
export function neighbours(z: tf.Tensor2D, labels: tf.Tensor1D): Pairs {
  const [anchors, positives] = tf.unstack(tf.reshape(z, [-1, 2, z.shape[1]]), 1) as [tf.Tensor2D, tf.Tensor2D]
  return { anchors, positives, labels: tf.unstack(tf.reshape(labels, [-1, 2]), 1)[0] as tf.Tensor1D }
}

/** Rows of copy after copy as those of image after image. */
export function byImage<T extends tf.Tensor>(x: T, copies: number): T {
  const [rows, ...rest] = x.shape
  const split = tf.reshape(x, [copies, rows! / copies, -1])
  return tf.reshape(tf.transpose(split, [1, 0, 2]), [rows!, ...rest]) as T
}
