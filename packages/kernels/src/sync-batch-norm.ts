import { ShapeError } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { BatchNormalised } from './batch-normalised.js'
import { allGather, allReduce } from './collectives.js'
import { attributes, type NativeBackend } from './native.js'
import type { WorkerRows } from './workers.js'

/**
 * Batch normalisation with the statistics of all workers, forwards and backwards: the same numbers as one worker with the whole
 * batch. Each exchanges two values per channel in each direction.
 *
 * Forwards each worker gathers the others' means and variances instead of adding up sums and squares, whose difference would lose
 * digits if the mean is far from 0 (Chan et al. 1979).
 */
export function syncBatchNorm<T extends tf.Tensor>(
  x: T,
  gamma: tf.Tensor1D,
  beta: tf.Tensor1D,
  settings: { readonly epsilon: number; readonly rectify: boolean; readonly workers: WorkerRows },
): BatchNormalised<T> {
  const { epsilon, rectify, workers } = settings
  const { rank, rows } = workers
  const channels = gamma.size
  const perImage = x.size / channels / rows[rank]!
  if (!Number.isInteger(perImage)) {
    throw new ShapeError(
      `batchNorm: a step with several workers needs a multiple of this worker's ${rows[rank]} images; got [${x.shape}]`,
    )
  }
  const counts = rows.map((images) => images * perImage)
  const total = counts.reduce((sum, count) => sum + count, 0)
  let statistics: Statistics | undefined
  const operation = tf.customGrad((...args: unknown[]) => {
    const [x, gamma, beta, save] = args as [tf.Tensor, tf.Tensor1D, tf.Tensor1D, tf.GradSaveFunc]
    const { mean, variance } = combined(moments(x, gamma), counts)
    const inverse = tf.rsqrt(tf.add(variance, epsilon)) as tf.Tensor1D
    const scale = tf.mul(gamma, inverse) as tf.Tensor1D
    const shift = tf.sub(beta, tf.mul(mean, scale)) as tf.Tensor1D
    statistics = { mean: tf.keep(tf.clone(mean)), variance: tf.keep(tf.mul(variance, total / (total - 1))) }
    save([x, scale, shift, mean, inverse])
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [x, scale, shift, mean, inverse] = saved as [tf.Tensor, ...tf.Tensor1D[]]
      return tf.tidy(() =>
        gradients(
          dy,
          x,
          { scale: scale!, shift: shift!, mean: mean!, inverse: inverse!, total, rectify },
          rows.length,
        ),
      )
    }
    return { value: scaled(x, scale, shift, rectify), gradFunc }
  })
  const y = operation(x, gamma, beta) as T
  const { mean, variance } = statistics!
  // Kept, because TensorFlow.js frees all tensors of the operation but its value. A tidy around the layer frees the copies.
  const result = { y, mean: tf.clone(mean), variance: tf.clone(variance) }
  tf.dispose([mean, variance])
  return result
}

interface Statistics {
  readonly mean: tf.Tensor1D
  /** the biased variance from `combined`, the unbiased one of the result */
  readonly variance: tf.Tensor1D
}

/** Mean and variance of all workers' values from those of each. */
function combined({ mean, variance }: Statistics, counts: readonly number[]): Statistics {
  const workers = counts.length
  const total = counts.reduce((sum, count) => sum + count, 0)
  const all = allGather(tf.expandDims(tf.stack([mean, variance]), 0), workers)
  const shares = tf.tensor2d(
    counts.map((count) => count / total),
    [workers, 1],
  )
  const [means, variances] = tf.unstack(all, 1) as [tf.Tensor2D, tf.Tensor2D]
  const middle = tf.sum(tf.mul(means, shares), 0) as tf.Tensor1D
  const within = tf.sum(tf.mul(variances, shares), 0)
  const between = tf.sum(tf.mul(tf.squaredDifference(means, middle), shares), 0)
  return { mean: middle, variance: tf.add(within, between) as tf.Tensor1D }
}

interface Kept {
  readonly scale: tf.Tensor1D
  readonly shift: tf.Tensor1D
  readonly mean: tf.Tensor1D
  /** 1 / standard deviation */
  readonly inverse: tf.Tensor1D
  /** number of values per channel of all workers */
  readonly total: number
  readonly rectify: boolean
}

function gradients(
  dy: tf.Tensor,
  x: tf.Tensor,
  kept: Kept,
  workers: number,
): [tf.Tensor, tf.Tensor, tf.Tensor] {
  const { scale, mean, inverse, total } = kept
  const [sums, products] = gradientSums(dy, x, kept) as [tf.Tensor, tf.Tensor]
  const all = allReduce(tf.stack([sums, products]), workers)
  const [allSums, allProducts] = tf.unstack(all) as [tf.Tensor1D, tf.Tensor1D]
  // dx = scale dz - slope x + offset, where dz is dy behind the rectifier
  const slope = tf.div(tf.mul(tf.mul(scale, tf.square(inverse)), allProducts), total) as tf.Tensor1D
  const offset = tf.sub(tf.mul(slope, mean), tf.div(tf.mul(scale, allSums), total)) as tf.Tensor1D
  // The gradients of gamma and beta are those of this worker's rows: like all gradients of weights they are added up later.
  return [spread(dy, x, kept, slope, offset), tf.mul(products, inverse), sums]
}

// The passes over memory: operations of our addon where it normalises, otherwise TensorFlow's.

function fused(): NativeBackend | undefined {
  const device = tf.backend() as unknown as NativeBackend
  return device.fused?.normalisation ? device : undefined
}

function pass(
  device: NativeBackend,
  name: string,
  rectify: boolean,
  inputs: tf.Tensor[],
  outputs: number,
): tf.Tensor[] {
  return device.executeMultipleOutputs(
    `SelfsupNormalisation${name}`,
    attributes(device, { rectify: { bool: rectify } }),
    inputs,
    outputs,
  )
}

function moments(x: tf.Tensor, like: tf.Tensor1D): Statistics {
  const device = fused()
  if (device) {
    const [mean, variance] = pass(device, 'Moments', false, [x, like], 2) as [tf.Tensor1D, tf.Tensor1D]
    return { mean, variance }
  }
  const { mean, variance } = tf.moments(x, axesOf(x))
  return { mean: mean as tf.Tensor1D, variance: variance as tf.Tensor1D }
}

function scaled(x: tf.Tensor, scale: tf.Tensor1D, shift: tf.Tensor1D, rectify: boolean): tf.Tensor {
  const device = fused()
  if (device) return pass(device, 'Scale', rectify, [x, scale, shift], 1)[0]!
  const y = tf.add(tf.mul(x, scale), shift)
  return rectify ? tf.relu(y) : y
}

/** Sums of dz, and of dz (x - mean). */
function gradientSums(dy: tf.Tensor, x: tf.Tensor, { scale, shift, mean, rectify }: Kept): tf.Tensor[] {
  const device = fused()
  if (device) return pass(device, 'GradientSums', rectify, [dy, x, scale, shift, mean], 2)
  const dz = rectified(dy, x, scale, shift, rectify)
  return [tf.sum(dz, axesOf(x)), tf.sum(tf.mul(dz, tf.sub(x, mean)), axesOf(x))]
}

function spread(
  dy: tf.Tensor,
  x: tf.Tensor,
  { scale, shift, rectify }: Kept,
  slope: tf.Tensor1D,
  offset: tf.Tensor1D,
): tf.Tensor {
  const device = fused()
  if (device) return pass(device, 'GradientSpread', rectify, [dy, x, scale, shift, slope, offset], 1)[0]!
  const dz = rectified(dy, x, scale, shift, rectify)
  return tf.add(tf.sub(tf.mul(dz, scale), tf.mul(x, slope)), offset)
}

function rectified(
  dy: tf.Tensor,
  x: tf.Tensor,
  scale: tf.Tensor,
  shift: tf.Tensor,
  rectify: boolean,
): tf.Tensor {
  if (!rectify) return dy
  return tf.mul(dy, tf.cast(tf.greater(tf.add(tf.mul(x, scale), shift), 0), 'float32'))
}

function axesOf({ rank }: tf.Tensor): number[] {
  return Array.from({ length: rank - 1 }, (_, axis) => axis)
}
