import { onEngineReady } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { attributes, NATIVE, type NativeBackend } from './native.js'

/**
 * Gradients that replace TensorFlow.js's own: those make tensors of ones and zeros in JavaScript, as large
 * as the activations, or keep an input where the output serves. Registered once an engine is ready, since
 * TensorFlow.js registers its own when @tensorflow/tfjs-layers is loaded.
 */
const gradients: readonly tf.GradConfig[] = [
  {
    kernelName: 'Relu',
    // The next layer keeps the output anyway; of the input nothing is needed.
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

onEngineReady(() => {
  for (const gradient of gradients) {
    tf.unregisterGradient(gradient.kernelName)
    tf.registerGradient(gradient)
  }
})

function reluGradient(dy: tf.Tensor, y: tf.Tensor): tf.Tensor {
  if (tf.getBackend() !== NATIVE) return tf.mul(dy, tf.step(y))
  const device = tf.backend() as unknown as NativeBackend
  return device.executeMultipleOutputs(
    'ReluGrad',
    attributes(device, { T: { type: 'float32' } }),
    [dy, y],
    1,
  )[0]!
}

/** A reduction's gradient, laid out over what was reduced. */
function spread(dy: tf.Tensor, shape: number[], axis: number | number[]): tf.Tensor {
  const axes = tf.util.parseAxisParam(axis, shape)
  const kept = shape.map((size, index) => (axes.includes(index) ? 1 : size))
  return tf.broadcastTo(tf.reshape(dy, kept), shape)
}
