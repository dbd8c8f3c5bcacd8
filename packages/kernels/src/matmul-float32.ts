import * as tf from '@tensorflow/tfjs-core'
import { productGradient } from './corrected-gradients.js'
import { attributes, NATIVE, type NativeBackend } from './native.js'

const KERNEL = 'SelfsupMatMulFloat32'

/**
 * A matrix product that is computed in float32 in mixed precision too, as are its gradients. Use it in losses, whose
 * logits, distances and covariances need more precision than bfloat16 has. Otherwise the same as `tf.matMul`.
 *
 * @param a, b matrices [rows, columns], or batches of them, [..., rows, columns]
 * @param transposeA, transposeB whether to swap the last two axes first; default false
 * @returns [..., rows, columns]; differentiable
 */
export function matMulFloat32<T extends tf.Tensor>(
  a: tf.Tensor,
  b: tf.Tensor,
  transposeA = false,
  transposeB = false,
): T {
  if (!isMixed()) return tf.matMul(a, b, transposeA, transposeB) as T
  return tf
    .engine()
    .runKernel(KERNEL, { a, b } as tf.NamedTensorMap, { transposeA, transposeB } as tf.NamedAttrMap) as T
}

function isMixed(): boolean {
  return (
    tf.getBackend() === NATIVE && (tf.backend() as unknown as NativeBackend).mixedPrecision === 'bfloat16'
  )
}

tf.registerKernel({
  kernelName: KERNEL,
  backendName: NATIVE,
  kernelFunc: ({ inputs, attrs, backend }) => {
    const { a, b } = inputs as { a: tf.TensorInfo; b: tf.TensorInfo }
    const { transposeA, transposeB } = attrs as unknown as tf.BatchMatMulAttrs
    const device = backend as unknown as NativeBackend
    return device.executeMultipleOutputs(
      'BatchMatMulV2',
      attributes(device, {
        adj_x: { bool: transposeA },
        adj_y: { bool: transposeB },
        T: { type: 'float32' },
        selfsup_float32: { bool: true },
      }),
      [a, b],
      1,
    )[0]!
  },
})

tf.registerGradient({ kernelName: KERNEL, ...productGradient(matMulFloat32) } as tf.GradConfig)
