import { ShapeError } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { BatchNormalised } from './batch-normalised.js'
import { attributes, COMPOSED, NATIVE, type NativeBackend } from './native.js'
import { syncBatchNorm } from './sync-batch-norm.js'
import { batchNormBackward, batchNormForward } from './webgpu/batch-norm.js'
import { onWebgpu, WEBGPU, type WebgpuBackend, webgpuBackend } from './webgpu/webgpu-backend.js'
import { currentWorkers, meanOverWorkers } from './workers.js'

const KERNEL = 'SelfsupBatchNorm'
/** our addon's operation, which includes the rectifier */
const FUSED = 'SelfsupNormalisation'

/**
 * Batch normalisation with the batch's own statistics, over all axes except the last (Ioffe & Szegedy 2015,
 * arXiv:1502.03167, algorithm 1). On native TensorFlow it is one fused operation forwards and one backwards, on other
 * engines a few passes. y is differentiable with respect to x, gamma and beta.
 * @param x [..., channels], at least two values per channel
 * @param gamma scale, [channels]
 * @param beta shift, [channels]
 * @param options.epsilon added to the variance; 1e-5
 * @param options.rectify also apply ReLU, in the same passes over memory if the engine has an operation for both
 * @param options.sync whether to use the statistics of all workers, if there are several; default: their setting
 * @throws ShapeError if gamma or beta do not fit x's channels, or a channel has only one value
 */
export function batchNorm<T extends tf.Tensor>(
  x: T,
  gamma: tf.Tensor1D,
  beta: tf.Tensor1D,
  {
    epsilon = 1e-5,
    rectify = false,
    sync = currentWorkers()?.syncBatchNorm ?? true,
  }: { epsilon?: number; rectify?: boolean; sync?: boolean } = {},
): BatchNormalised<T> {
  const channels = x.shape.at(-1)
  if (channels === undefined || gamma.size !== channels || beta.size !== channels) {
    throw new ShapeError(
      `batchNorm: gamma and beta must be [channels] of x [..., channels]; got [${gamma.shape}] and [${beta.shape}] for [${x.shape}]`,
    )
  }
  const workers = currentWorkers()
  if (workers && sync) return syncBatchNorm(x, gamma, beta, { epsilon, rectify, workers })
  if (x.size < 2 * channels) {
    throw new ShapeError(`batchNorm: one value per channel has no variance; got x [${x.shape}]`)
  }
  const own = ofThisWorker(x, gamma, beta, { epsilon, rectify })
  return workers ? { y: own.y, ...averagedStatistics(own) } : own
}

/** Means over the workers, so that running statistics stay the same on all of them. */
function averagedStatistics({ mean, variance }: Pick<BatchNormalised<tf.Tensor>, 'mean' | 'variance'>) {
  const { rank, rows } = currentWorkers()!
  const total = rows.reduce((sum, count) => sum + count, 0)
  return tf.tidy(() => {
    const share = (rows[rank]! * rows.length) / total
    const all = meanOverWorkers(tf.mul(tf.stack([mean, variance]), share))
    const [means, variances] = tf.unstack(all) as [tf.Tensor1D, tf.Tensor1D]
    return { mean: means, variance: variances }
  })
}

function ofThisWorker<T extends tf.Tensor>(
  x: T,
  gamma: tf.Tensor1D,
  beta: tf.Tensor1D,
  { epsilon, rectify }: { epsilon: number; rectify: boolean },
): BatchNormalised<T> {
  const channels = gamma.size
  return tf.tidy(() => {
    if (isFused()) {
      const [y, mean, variance] = tf
        .engine()
        .runKernel(FUSED, { x, gamma, beta }, { epsilon, rectify }) as unknown as [
        T,
        tf.Tensor1D,
        tf.Tensor1D,
      ]
      return { y, mean, variance }
    }
    const outputs = tf
      .engine()
      .runKernel(
        KERNEL,
        { x: tf.reshape(x, [x.size / channels / lastSpatial(x), 1, lastSpatial(x), channels]), gamma, beta },
        { epsilon },
      )
    const [y, mean, variance] = outputs as unknown as [tf.Tensor, tf.Tensor1D, tf.Tensor1D]
    const shaped = tf.reshape(y, x.shape) as T
    return { y: rectify ? tf.relu(shaped) : shaped, mean, variance }
  })
}

/** Whether the engine has our fused operation, which needs the fewest passes over memory. */
function isFused(): boolean {
  if (onWebgpu()) return true
  if (tf.getBackend() !== NATIVE) return false
  return (tf.backend() as NativeBackend & tf.KernelBackend).fused?.normalisation === true
}

/** TensorFlow's fused operation requires four axes; how the values are divided among the first three does not matter. */
function lastSpatial({ shape }: tf.Tensor): number {
  return shape.length > 2 ? shape.at(-2)! : 1
}

interface Inputs {
  readonly x: tf.Tensor4D
  readonly gamma: tf.Tensor1D
  readonly beta: tf.Tensor1D
}

interface Attributes {
  readonly epsilon: number
}

const nativeTypes = {
  T: { type: 'float32' },
  U: { type: 'float32' },
  data_format: { string: 'NHWC' },
} as const

tf.registerKernel({
  kernelName: KERNEL,
  backendName: NATIVE,
  // y, mean, unbiased variance, then the inputs of the backward operation: mean, variance and a reserve.
  kernelFunc: ({ inputs, attrs, backend }) => {
    const { x, gamma, beta } = inputs as unknown as Inputs
    const { epsilon } = attrs as unknown as Attributes
    const device = backend as NativeBackend
    const none = tf.tensor1d([])
    const outputs = device.executeMultipleOutputs(
      'FusedBatchNormV3',
      attributes(device, {
        ...nativeTypes,
        epsilon: { float: epsilon },
        is_training: { bool: true },
        exponential_avg_factor: { float: 1 },
      }),
      [x, gamma, beta, none, none],
      6,
    )
    none.dispose()
    return outputs
  },
})

tf.registerKernel({
  kernelName: FUSED,
  backendName: NATIVE,
  // y, mean, unbiased variance, 1 / standard deviation
  kernelFunc: ({ inputs, attrs, backend }) => {
    const { x, gamma, beta } = inputs as unknown as Inputs
    const device = backend as NativeBackend
    return device.executeMultipleOutputs(FUSED, fusedAttributes(device, attrs), [x, gamma, beta], 4)
  },
})

tf.registerKernel({
  kernelName: FUSED,
  backendName: WEBGPU,
  kernelFunc: ({ inputs, attrs, backend }) =>
    batchNormForward(
      backend as unknown as WebgpuBackend,
      inputs as unknown as Inputs,
      attrs as unknown as Attributes & { rectify: boolean },
    ),
})

tf.registerGradient({
  kernelName: FUSED,
  inputsToSave: ['x', 'gamma', 'beta'],
  outputsToSave: [false, true, false, true],
  gradFunc: (dys, saved, attrs) => {
    const [dy] = dys as tf.Tensor[]
    if (onWebgpu()) return webgpuGradient(dy!, saved as tf.Tensor[], attrs)
    const device = tf.backend() as unknown as NativeBackend
    const [dx, dGamma, dBeta] = device.executeMultipleOutputs(
      `${FUSED}Gradient`,
      fusedAttributes(device, attrs),
      [dy!, ...(saved as tf.Tensor[])],
      3,
    )
    return { x: () => dx!, gamma: () => dGamma!, beta: () => dBeta! }
  },
})

function webgpuGradient(dy: tf.Tensor, saved: readonly tf.Tensor[], attrs: tf.NamedAttrMap) {
  const [x, gamma, beta, mean, inverse] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]
  const { rectify } = attrs as { rectify: boolean }
  const tensors = { dy, x, gamma, beta, mean, inverse }
  const [dx, dGamma, dBeta] = batchNormBackward(webgpuBackend(), tensors, { rectify }).map((info) =>
    tf.engine().makeTensorFromTensorInfo(info),
  )
  return { x: () => dx!, gamma: () => dGamma!, beta: () => dBeta! }
}

function fusedAttributes(device: NativeBackend, attrs: tf.NamedAttrMap | undefined) {
  const { epsilon, rectify } = attrs as { epsilon: number; rectify: boolean }
  return attributes(device, { epsilon: { float: epsilon }, rectify: { bool: rectify } })
}

for (const backendName of COMPOSED) {
  tf.registerKernel({
    kernelName: KERNEL,
    backendName,
    // y, mean, unbiased variance, then the inputs of the backward pass: mean, 1 / standard deviation, unused.
    kernelFunc: ({ inputs, attrs }) => {
      const { x, gamma, beta } = inputs as unknown as Inputs
      const { epsilon } = attrs as unknown as Attributes
      return tf.tidy(() => {
        const perChannel = x.size / x.shape[3]
        const mean = tf.mean(x, [0, 1, 2]) as tf.Tensor1D
        const variance = tf.mean(tf.squaredDifference(x, mean), [0, 1, 2])
        const inverse = tf.rsqrt(tf.add(variance, epsilon))
        const scale = tf.mul(gamma, inverse)
        const y = tf.add(tf.mul(x, scale), tf.sub(beta, tf.mul(mean, scale)))
        const unbiased = tf.mul(variance, perChannel / (perChannel - 1))
        return [y, mean, unbiased, tf.clone(mean), inverse, tf.clone(inverse)]
      })
    },
  })
}

tf.registerGradient({
  kernelName: KERNEL,
  inputsToSave: ['x', 'gamma'],
  outputsToSave: [false, false, false, true, true, true],
  gradFunc: (dys, saved, attrs) => {
    const [dy] = dys as tf.Tensor[]
    const { epsilon } = attrs as unknown as Attributes
    const [x, gamma, ...kept] = saved as [tf.Tensor4D, tf.Tensor1D, ...tf.Tensor[]]
    // Computed here instead of in the callbacks: one backward operation returns all three gradients, and
    // TensorFlow.js tidies after each callback.
    const [dx, dGamma, dBeta] = tf.tidy(() => backward(dy as tf.Tensor4D, x, gamma, kept, epsilon))
    return { x: () => dx, gamma: () => dGamma, beta: () => dBeta }
  },
})

function backward(
  dy: tf.Tensor4D,
  x: tf.Tensor4D,
  gamma: tf.Tensor1D,
  kept: readonly tf.Tensor[],
  epsilon: number,
): [tf.Tensor, tf.Tensor, tf.Tensor] {
  if (tf.getBackend() === NATIVE) {
    const device = tf.backend() as unknown as NativeBackend
    const outputs = device.executeMultipleOutputs(
      'FusedBatchNormGradV3',
      attributes(device, { ...nativeTypes, epsilon: { float: epsilon }, is_training: { bool: true } }),
      [dy, x, gamma, ...kept],
      5,
    )
    return [outputs[0]!, outputs[1]!, outputs[2]!]
  }
  const [mean, inverse] = kept as [tf.Tensor, tf.Tensor]
  const perChannel = x.size / x.shape[3]
  const dBeta = tf.sum(dy, [0, 1, 2])
  const dGamma = tf.mul(inverse, tf.sub(tf.sum(tf.mul(dy, x), [0, 1, 2]), tf.mul(mean, dBeta)))
  // dx = gamma / sigma * (dy - mean(dy) - normalised x * mean(dy * normalised x)), as a * dy + b * x + c
  const a = tf.mul(gamma, inverse)
  const b = tf.div(tf.mul(tf.mul(tf.neg(a), inverse), dGamma), perChannel)
  const c = tf.neg(tf.add(tf.mul(b, mean), tf.div(tf.mul(a, dBeta), perChannel)))
  return [tf.add(tf.add(tf.mul(dy, a), tf.mul(x, b)), c), dGamma, dBeta]
}
