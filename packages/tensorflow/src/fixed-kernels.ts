import * as tf from '@tensorflow/tfjs-core'
import { attributeKinds } from './addon.js'
import type { TensorflowBackend } from './backend.js'

/**
 * Fixes kernels of tfjs-node:
 * - Some call chained methods (`x.toInt()`), which exist only if all of TensorFlow.js is loaded. One of them, `Exp` of
 *   integers, also disposes its input.
 * - `GatherV2` waits for the device to check all its indices, which TensorFlow also checks.
 * - `Round` sets large integers to 0.
 * - XLA does not support the gradient of nearest-neighbour enlarging.
 */
export function fixKernels(backendName: string): void {
  castFirst('Exp', backendName, 'int32', 'float32')
  castFirst('ArgMax', backendName, 'bool', 'int32')
  castFirst('ArgMin', backendName, 'bool', 'int32')
  replace({ kernelName: 'Prelu', backendName, kernelFunc: ({ inputs }) => prelu(inputs) })
  replace({ kernelName: 'GatherV2', backendName, kernelFunc: gather })
  keepIntegers('Round', backendName)
  shrinkBySums('ResizeNearestNeighborGrad', backendName)
}

/** Casts inputs of dtype `from` before calling the kernel. */
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

/** Returns integers unchanged: TensorFlow 2.21 rounds large integers to 0. */
function keepIntegers(kernelName: string, backendName: string): void {
  const kernel = tf.getKernel(kernelName, backendName)
  const kernelFunc: tf.KernelFunc = (call) =>
    call.inputs.x?.dtype === 'int32' ? tf.clone(call.inputs.x as tf.Tensor) : kernel.kernelFunc(call)
  replace({ ...kernel, kernelFunc })
}

/** Computes the gradient for XLA. For an integer scale factor, each pixel's gradient is the sum over a block. */
function shrinkBySums(kernelName: string, backendName: string): void {
  const kernel = tf.getKernel(kernelName, backendName)
  const kernelFunc: tf.KernelFunc = (call) => {
    const { images, dy } = call.inputs as { images: tf.Tensor4D; dy: tf.Tensor4D }
    const { alignCorners } = call.attrs as unknown as tf.ResizeNearestNeighborGradAttrs
    const [batch, height, width, channels] = images.shape
    const [rows, columns] = [dy.shape[1] / height, dy.shape[2] / width]
    const whole = !alignCorners && Number.isInteger(rows) && Number.isInteger(columns)
    if (!whole || !(call.backend as TensorflowBackend).byXla) return kernel.kernelFunc(call)
    return tf.tidy(() => tf.sum(tf.reshape(dy, [batch, height, rows, width, columns, channels]), [2, 4]))
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

const gather: tf.KernelFunc = ({ inputs, attrs, backend }) => {
  const { x, indices } = inputs as { x: tf.Tensor; indices: tf.Tensor }
  const { axis, batchDims } = attrs as unknown as tf.GatherV2Attrs
  tf.backend_util.segment_util.collectGatherOpShapeInfo(x, indices, axis, batchDims)
  const device = backend as TensorflowBackend
  const along = tf.scalar(axis, 'int32')
  const type = (name: string, { dtype }: tf.TensorInfo) => ({
    name,
    type: attributeKinds.TF_ATTR_TYPE,
    value: device.getDTypeInteger(dtype),
  })
  const gathered = device.executeSingleOutput(
    'GatherV2',
    [
      { name: 'batch_dims', type: attributeKinds.TF_ATTR_INT, value: batchDims },
      type('Tparams', x),
      type('Tindices', indices),
      type('Taxis', along),
    ],
    [x, indices, along],
  )
  along.dispose()
  return gathered
}

function replace(kernel: tf.KernelConfig): void {
  if (tf.getKernel(kernel.kernelName, kernel.backendName)) {
    tf.unregisterKernel(kernel.kernelName, kernel.backendName)
  }
  tf.registerKernel(kernel)
}
