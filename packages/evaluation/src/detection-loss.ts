import * as tf from '@tensorflow/tfjs-core'
import type { DetectorOutput } from './detection-head.js'

/** Targets of all locations, on the device. */
export interface DetectionTargets {
  /** int32 [batch, locations], -1 for background */
  readonly labels: tf.Tensor2D
  /** [batch, locations, 4] */
  readonly sides: tf.Tensor3D
}

/**
 * FCOS's loss (Tian et al. 2019, arXiv:1904.01355, eq. 2): focal loss over all classes and locations; at positive locations also
 * generalised IoU loss of the box and cross-entropy of the centre-ness. Each is divided by the number of positive locations.
 * @returns scalar, >= 0
 */
export function detectionLoss(
  { logits, sides, centreness }: DetectorOutput,
  targets: DetectionTargets,
): tf.Scalar {
  return tf.tidy(() => {
    const classes = logits.shape[2]
    const answers = tf.cast(tf.greaterEqual(targets.labels, 0), 'float32')
    const count = tf.maximum(tf.sum(answers), 1)
    // -1 means background: a row of zeros.
    const wanted = tf.cast(tf.oneHot(targets.labels, classes), 'float32') as tf.Tensor3D
    const classLoss = tf.sum(focalLoss(logits, wanted))
    const boxLoss = tf.sum(tf.mul(tf.sub(1, generalisedOverlap(sides, targets.sides)), answers))
    const centreLoss = tf.sum(tf.mul(binaryCrossEntropy(centreness, centrenessOf(targets.sides)), answers))
    return tf.div(tf.add(classLoss, tf.add(boxLoss, centreLoss)), count) as tf.Scalar
  })
}

/** Sigmoid focal loss (Lin et al. 2017, arXiv:1708.02002, eq. 5): well-classified locations count little. */
export function focalLoss<T extends tf.Tensor>(
  logits: T,
  wanted: T,
  { alpha = 0.25, gamma = 2 } = {},
): tf.Tensor {
  return tf.tidy(() => {
    const p = tf.sigmoid(logits)
    const wrong = tf.add(tf.mul(wanted, tf.sub(1, p)), tf.mul(tf.sub(1, wanted), p))
    const weight = tf.add(tf.mul(wanted, alpha), tf.mul(tf.sub(1, wanted), 1 - alpha))
    const focus = gamma === 2 ? tf.square(wrong) : tf.pow(wrong, gamma)
    return tf.mul(tf.mul(weight, focus), binaryCrossEntropy(logits, wanted))
  })
}

/** Binary cross-entropy from logits, -(y log p + (1 - y) log(1 - p)), without overflow. */
function binaryCrossEntropy(logits: tf.Tensor, wanted: tf.Tensor): tf.Tensor {
  return tf.sub(tf.softplus(logits), tf.mul(logits, wanted))
}

/**
 * Generalised intersection over union (Rezatofighi et al. 2019, arXiv:1902.09630, algorithm 1) of boxes around one location.
 * @param a, b [..., 4]: left, top, right, bottom
 * @returns [...], -1..1
 */
export function generalisedOverlap(a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const [al, at, ar, ab] = tf.unstack(a, -1)
    const [bl, bt, br, bb] = tf.unstack(b, -1)
    const area = (l: tf.Tensor, t: tf.Tensor, r: tf.Tensor, d: tf.Tensor) =>
      tf.mul(tf.add(l, r), tf.add(t, d))
    const both = area(tf.minimum(al!, bl!), tf.minimum(at!, bt!), tf.minimum(ar!, br!), tf.minimum(ab!, bb!))
    const hull = area(tf.maximum(al!, bl!), tf.maximum(at!, bt!), tf.maximum(ar!, br!), tf.maximum(ab!, bb!))
    const union = tf.sub(tf.add(area(al!, at!, ar!, ab!), area(bl!, bt!, br!, bb!)), both)
    const safe = (x: tf.Tensor) => tf.maximum(x, 1e-6)
    return tf.sub(tf.div(both, safe(union)), tf.div(tf.sub(hull, union), safe(hull)))
  })
}

/**
 * Centre-ness of a location in its box (FCOS, eq. 3): 1 in the middle, 0 at a side.
 * @param sides [..., 4]
 */
export function centrenessOf(sides: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const [left, top, right, bottom] = tf.unstack(sides, -1)
    const ratio = (x: tf.Tensor, y: tf.Tensor) => tf.div(tf.minimum(x, y), tf.maximum(tf.maximum(x, y), 1e-6))
    return tf.sqrt(tf.mul(ratio(left!, right!), ratio(top!, bottom!)))
  })
}
