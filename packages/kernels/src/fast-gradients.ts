import * as tf from '@tensorflow/tfjs-core'
import { attributes, NATIVE, type NativeBackend } from './native.js'

/**
 * Gradients that replace TensorFlow.js's own, which create tensors of ones and zeros in JavaScript, as large as the
 * activations, or keep an input although the output suffices.
 */
export const fastGradients: readonly tf.GradConfig[] = [
  {
    kernelName: 'Relu',
    // The next layer keeps the output anyway; the input is not needed.
    outputsToSave: [true],
    gradFunc: (dy, [y]) => ({ x: () => reluGradient(dy as tf.Tensor, y!) }),
  },
  {
    kernelName: 'Sum',
    inputsToSave: ['x'],
    gradFunc: (dy, [x], attrs) => ({
      x: () => spread(dy as tf.Tensor, x!.shape, (attrs as unknown as tf.SumAttrs).axis),
    }),
  },
  {
    kernelName: 'Mean',
    inputsToSave: ['x'],
    gradFunc: (dy, [x], attrs) => ({
      x: () => {
        const scaled = tf.div(dy as tf.Tensor, x!.size / (dy as tf.Tensor).size)
        return spread(scaled, x!.shape, (attrs as unknown as tf.MeanAttrs).axis)
      },
    }),
  },
]

/**
 * Activations whose gradient is one operation of native TensorFlow, by the name of TensorFlow.js's kernel. `order` says
 * whether the operation takes the incoming gradient or the saved tensor first.
 */
const nativeActivations = {
  Relu6: { operation: 'Relu6Grad', order: 'signal first' },
  Softplus: { operation: 'SoftplusGrad', order: 'signal first' },
  Sigmoid: { operation: 'SigmoidGrad', order: 'saved first' },
  Tanh: { operation: 'TanhGrad', order: 'saved first' },
} as const

/** Names of TensorFlow.js's kernels whose gradient `onNative` changes. */
export const nativeActivationNames: readonly string[] = Object.keys(nativeActivations)

/** TensorFlow.js's own gradient of an activation, with the native operation in its place on native TensorFlow. */
export function onNative(own: tf.GradConfig): tf.GradConfig {
  const { operation, order } = nativeActivations[own.kernelName as keyof typeof nativeActivations]
  return {
    ...own,
    gradFunc: (dy, saved, attrs) => {
      const [kept] = saved
      if (tf.getBackend() !== NATIVE || kept!.dtype !== 'float32') return own.gradFunc(dy, saved, attrs)
      const inputs = order === 'signal first' ? [dy as tf.Tensor, kept!] : [kept!, dy as tf.Tensor]
      return { x: () => nativeGradient(operation, inputs) }
    },
  }
}

function nativeGradient(operation: string, inputs: readonly tf.Tensor[]): tf.Tensor {
  const device = tf.backend() as unknown as NativeBackend
  return device.executeMultipleOutputs(
    operation,
    attributes(device, { T: { type: 'float32' } }),
    inputs,
    1,
  )[0]!
}

function reluGradient(dy: tf.Tensor, y: tf.Tensor): tf.Tensor {
  if (tf.getBackend() !== NATIVE) return tf.mul(dy, tf.step(y))
  return nativeGradient('ReluGrad', [dy, y])
}

/** A reduction's gradient, broadcast to the shape of the reduction's input. */
function spread(dy: tf.Tensor, shape: number[], axis: number | number[]): tf.Tensor {
  const axes = tf.util.parseAxisParam(axis, shape)
  const kept = shape.map((size, index) => (axes.includes(index) ? 1 : size))
  return tf.broadcastTo(tf.reshape(dy, kept), shape)
}
