import type * as tf from '@tensorflow/tfjs-core'
import { dispatch, elementwise } from './dispatch.js'
import type { WebgpuBackend } from './webgpu-backend.js'

/** Adds up the parts [parts, ...shape] of a sum, in order. */
export function sumParts(
  backend: WebgpuBackend,
  sums: tf.TensorInfo,
  parts: number,
  shape: readonly number[],
): tf.TensorInfo {
  const size = shape.reduce((product, length) => product * length, 1)
  const out = backend.makeTensorInfo(shape, 'float32')
  dispatch(backend, {
    name: 'SumParts',
    tensors: [sums, out],
    ...elementwise(
      { x: 'f32', y: '=f32' },
      size,
      `var sum = 0.0;
  for (var part = 0u; part < ${parts}u; part++) { sum += x[part * ${size}u + i]; }
  y[i] = sum;`,
    ),
  })
  return out
}
