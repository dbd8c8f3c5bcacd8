import { expected } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { Features } from './features.js'
import { expectNumbers } from './grade.js'
import { labelledRows } from './labelled-rows.js'

/**
 * Mean silhouette of classes (or clusters): for each image (b - a) / max(a, b), where a is its mean Euclidean distance to the
 * others of its class and b that to the nearest other class; 0 if it is alone in its class (Rousseeuw 1987). Equal to
 * scikit-learn's silhouette_score. Images without a class (-1) are left out; memory is block * images distances.
 * @returns -1 (wrong class) .. 1 (classes compact and far apart)
 * @throws SelfsupError if there are fewer than two classes, or as many classes as images
 */
export async function silhouette(features: Features, { block = 512 } = {}): Promise<number> {
  expectNumbers('silhouette', features)
  const rows = labelledRows(features)
  const { width } = features
  const numbers = new Map<number, number>()
  for (const row of rows) {
    const label = features.labels[row]!
    if (!numbers.has(label)) numbers.set(label, numbers.size)
  }
  const classes = numbers.size
  expected(
    classes >= 2 && classes < rows.length,
    `silhouette: there must be at least 2 classes, and fewer than the ${rows.length} images; got ${classes}`,
  )
  const own = Int32Array.from(rows, (row) => numbers.get(features.labels[row]!)!)
  const sizes = new Float64Array(classes)
  for (const c of own) sizes[c]!++

  const points = tf.tidy(() => {
    const packed = new Float32Array(rows.length * width)
    for (const [position, row] of rows.entries())
      packed.set(features.values.subarray(row * width, (row + 1) * width), position * width)
    const raw = tf.tensor2d(packed, [rows.length, width])
    return tf.sub(raw, tf.mean(raw, 0)) as tf.Tensor2D // squared distances lose fewer digits near the origin
  })
  const membership = tf.tidy(() =>
    tf.cast(tf.oneHot(tf.tensor1d(own, 'int32'), classes), 'float32'),
  ) as tf.Tensor2D
  let sum = 0
  try {
    for (let start = 0; start < rows.length; start += block) {
      const end = Math.min(start + block, rows.length)
      const toClasses = await distanceSums(points, membership, start, end)
      for (let i = start; i < end; i++) {
        const distances = toClasses.subarray((i - start) * classes, (i - start + 1) * classes)
        sum += silhouetteOf(distances, own[i]!, sizes)
      }
    }
  } finally {
    tf.dispose([points, membership])
  }
  return sum / rows.length
}

/** Sums of the distances from the points from `start` to `end` to the points of each class, [points, classes]. */
async function distanceSums(points: tf.Tensor2D, membership: tf.Tensor2D, start: number, end: number) {
  const sums = tf.tidy(() => {
    const some = tf.slice(points, start, end - start) as tf.Tensor2D
    const lengths = (x: tf.Tensor2D, axis: number) => tf.expandDims(tf.sum(tf.square(x), 1), axis)
    const squares = tf.sub(
      tf.add(lengths(some, 1), lengths(points, 0)),
      tf.mul(tf.matMul(some, points, false, true), 2),
    )
    const isSelf = tf.equal(
      tf.expandDims(tf.range(start, end, 1, 'int32'), 1),
      tf.range(0, points.shape[0], 1, 'int32'),
    )
    const distances = tf.sqrt(tf.relu(tf.where(isSelf, 0, squares))) as tf.Tensor2D
    return tf.matMul(distances, membership)
  })
  try {
    return await sums.data<'float32'>()
  } finally {
    sums.dispose()
  }
}

function silhouetteOf(distances: Float32Array, own: number, sizes: Float64Array): number {
  if (sizes[own]! < 2) return 0
  const within = distances[own]! / (sizes[own]! - 1)
  let nearest = Number.POSITIVE_INFINITY
  for (let c = 0; c < sizes.length; c++) if (c !== own) nearest = Math.min(nearest, distances[c]! / sizes[c]!)
  const larger = Math.max(within, nearest)
  return larger > 0 ? (nearest - within) / larger : 0
}
