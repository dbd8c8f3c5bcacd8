import * as tf from '@tensorflow/tfjs-core'
import { NATIVE } from './native.js'

let registered = false

/**
 * The step function (1 above zero, alpha below, NaN where x is NaN) on the device. The kernel of tfjs-node creates ones
 * and alphas of x's size in JavaScript, which a captured step would store as constants.
 */
export function registerNativeStep(): void {
  if (registered) return
  registered = true
  if (tf.getKernel('Step', NATIVE)) tf.unregisterKernel('Step', NATIVE)
  tf.registerKernel({
    kernelName: 'Step',
    backendName: NATIVE,
    kernelFunc: ({ inputs, attrs }) =>
      tf.tidy(() => {
        const x = inputs.x as tf.Tensor
        const { alpha } = attrs as unknown as tf.StepAttrs
        const above = tf.cast(tf.greater(x, tf.scalar(0, x.dtype)), x.dtype)
        const stepped =
          alpha === 0
            ? above
            : tf.add(tf.mul(above, tf.scalar(1 - alpha, x.dtype)), tf.scalar(alpha, x.dtype))
        return x.dtype === 'float32' ? tf.where(tf.isNaN(x), x, stepped) : stepped
      }),
  })
}
