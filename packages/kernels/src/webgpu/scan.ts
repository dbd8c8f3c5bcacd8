import * as tf from '@tensorflow/tfjs-core'
import { dispatch, elementwise, storedType, typeOf } from './dispatch.js'
import type { WebgpuKernel } from './webgpu-backend.js'

/**
 * Cumulative sums and products. The backend's own kernels keep one program for all lengths, although the length is a constant in it:
 * in reverse, as in their gradients, they are wrong for every length but the first.
 */
export const scans: readonly WebgpuKernel[] = [scan('Cumsum', 0, '+'), scan('Cumprod', 1, '*')]

function scan(kernelName: string, start: number, operator: '+' | '*'): WebgpuKernel {
  return {
    kernelName,
    run: (backend, { x }, attrs) => {
      const { axis, exclusive, reverse } = attrs as unknown as tf.CumsumAttrs
      const [along] = tf.util.parseAxisParam(axis, x!.shape) as [number]
      const size = tf.util.sizeFromShape(x!.shape)
      if (size === 0 || (x!.dtype !== 'float32' && x!.dtype !== 'int32')) return undefined
      const length = x!.shape[along]!
      const inner = tf.util.sizeFromShape(x!.shape.slice(along + 1))
      const out = backend.makeTensorInfo(x!.shape, x!.dtype)
      const type = typeOf(x!.dtype)
      const join = `value = value ${operator} ${type}(x[at]);`
      const body = `let base = (i / ${inner}u) * ${length * inner}u + i % ${inner}u;
  var value = ${type}(${start});
  for (var k = 0u; k < ${length}u; k++) {
    let at = base + ${reverse ? `(${length - 1}u - k)` : 'k'} * ${inner}u;
    ${exclusive ? `y[at] = value; ${join}` : `${join} y[at] = value;`}
  }`
      dispatch(backend, {
        name: kernelName,
        tensors: [x!, out],
        ...elementwise({ x: storedType(backend, x!), y: `=${type}` }, size / length, body),
      })
      return out
    },
  }
}
