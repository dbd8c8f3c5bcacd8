import * as tf from '@tensorflow/tfjs-core'

/**
 * Puts right the kernels of tfjs-node that call chained methods (`x.toInt()`), which exist only where the whole
 * of TensorFlow.js is loaded; one of them, `Exp` of integers, disposed of its input too.
 */
export function mendKernels(backendName: string): void {
  castFirst('Exp', backendName, 'int32', 'float32')
  castFirst('ArgMax', backendName, 'bool', 'int32')
  castFirst('ArgMin', backendName, 'bool', 'int32')
  replace({ kernelName: 'Prelu', backendName, kernelFunc: ({ inputs }) => prelu(inputs) })
}

/** Casts inputs of dtype `from` before the kernel gets to see them. */
function castFirst(kernelName: string, backendName: string, from: tf.DataType, to: tf.DataType): void {
  const kernel = tf.getKernel(kernelName, backendName)
  if (!kernel) return
  const kernelFunc: tf.KernelFunc = (call) => {
    const { x } = call.inputs
    if (x?.dtype !== from) return kernel.kernelFunc(call)
    const cast = tf.cast(x as tf.Tensor, to)
    const result = kernel.kernelFunc({ ...call, inputs: { x: cast } })
    cast.dispose()
    return result
  }
  replace({ ...kernel, kernelFunc })
}

/** relu(x) - alpha * relu(-x) */
function prelu({ x, alpha }: tf.NamedTensorInfoMap): tf.TensorInfo {
  return tf.tidy(() => {
    const negative = tf.mul(alpha as tf.Tensor, tf.relu(tf.neg(x as tf.Tensor)))
    return tf.sub(tf.relu(x as tf.Tensor), negative)
  })
}

function replace(kernel: tf.KernelConfig): void {
  if (tf.getKernel(kernel.kernelName, kernel.backendName)) {
    tf.unregisterKernel(kernel.kernelName, kernel.backendName)
  }
  tf.registerKernel(kernel)
}
