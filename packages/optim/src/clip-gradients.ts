import { canFuseUpdates, fusedNorm } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'

/**
 * Scales all gradients down by the same factor so that their joint norm is at most `largest`
 * (Pascanu et al. 2013, arXiv:1211.5063, algorithm 1; torch.nn.utils.clip_grad_norm_).
 *
 * @param gradients gradients of any shapes, by name
 * @param largest maximum norm, above 0
 * @returns the scaled gradients, by name
 */
export function clipGradients(
  gradients: Readonly<Record<string, tf.Tensor>>,
  largest: number,
): Record<string, tf.Tensor> {
  return tf.tidy(() => {
    const entries = Object.entries(gradients)
    if (entries.length === 0) return {}
    const norm = canFuseUpdates()
      ? fusedNorm(entries.map(([, gradient]) => gradient))
      : tf.sqrt(tf.addN(entries.map(([, gradient]) => tf.sum(tf.square(gradient)))))
    const factor = tf.minimum(tf.div(largest, tf.add(norm, 1e-6)), 1)
    return Object.fromEntries(entries.map(([name, gradient]) => [name, tf.mul(gradient, factor)]))
  })
}
