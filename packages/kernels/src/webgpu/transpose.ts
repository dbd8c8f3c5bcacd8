import * as tf from '@tensorflow/tfjs-core'
import { dispatch, elementwise, storedType, typeOf } from './dispatch.js'
import type { WebgpuKernel } from './webgpu-backend.js'

/**
 * Permutes axes, of integers and booleans too: the backend's own kernel passes integers to a function of floats, which newer
 * devices refuse. Axes that stay neighbours are moved as one.
 */
export const transpose: WebgpuKernel = {
  kernelName: 'Transpose',
  run: (backend, inputs, attrs) => {
    const { x } = inputs as { x: tf.TensorInfo }
    const { perm } = attrs as unknown as tf.TransposeAttrs
    if (x.dtype === 'string' || x.dtype === 'complex64') return undefined
    const out = backend.makeTensorInfo(
      perm.map((axis) => x.shape[axis]!),
      x.dtype,
    )
    const size = tf.util.sizeFromShape(x.shape)
    const type = typeOf(x.dtype)
    const strides = [...tf.util.computeStrides(x.shape), 1]
    const { sizes, steps } = joined(
      out.shape,
      perm.map((axis) => strides[axis]!),
    )
    const body = `var rest = i; var at = 0u;
  ${sizes.map((length, axis) => `at += (rest % ${length}u) * ${steps[axis]}u; rest /= ${length}u;`).join('\n  ')}
  y[i] = ${type}(x[at]);`
    dispatch(backend, {
      name: 'Transpose',
      tensors: [x, out],
      ...elementwise({ x: storedType(backend, x), y: `=${type}` }, size, body),
    })
    return out
  },
}

/** Output axes, last first, each with its step in the input; axes that are neighbours in both are one. */
function joined(shape: readonly number[], strides: readonly number[]) {
  const sizes: number[] = []
  const steps: number[] = []
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const last = sizes.length - 1
    if (shape[axis] === 1) continue
    if (last >= 0 && strides[axis] === steps[last]! * sizes[last]!) sizes[last]! *= shape[axis]!
    else {
      sizes.push(shape[axis]!)
      steps.push(strides[axis]!)
    }
  }
  return { sizes, steps }
}
