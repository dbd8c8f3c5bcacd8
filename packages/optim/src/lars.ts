import { expected } from '@selfsup/core'
import { canFuseUpdates, fusedLars } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import {
  biasesAndNorms,
  constants,
  disposeAll,
  type Exclude,
  named,
  type Optimizer,
  updates,
  type Variables,
  zerosFor,
} from './optimizer.js'

export interface LarsOptions {
  readonly momentum?: number
  readonly nesterov?: boolean
  readonly weightDecay?: number
  /** size of a layer's update relative to its norm; the paper's eta */
  readonly trustCoefficient?: number
  /** variables updated by plain SGD without weight decay; default biases and normalisations, as in SimCLR */
  readonly exclude?: Exclude
  /** added to the denominator of the ratio of norms */
  readonly epsilon?: number
}

/**
 * Layer-wise adaptive rate scaling, for large batches: scales each layer's gradient by
 * `trustCoefficient * |w| / (|g| + weightDecay * |w|)`, then applies SGD with momentum
 * (You et al. 2017, arXiv:1708.03888, eq. 6; SimCLR and Barlow Twins exclude biases and norms).
 *
 * @param variables the variables to update, by name
 * @throws SelfsupError if an option is out of range
 */
export function lars(
  variables: Variables,
  {
    momentum = 0.9,
    nesterov = false,
    weightDecay = 0,
    trustCoefficient = 0.001,
    exclude = biasesAndNorms,
    epsilon = 1e-8,
  }: LarsOptions = {},
): Optimizer {
  expected(momentum >= 0 && momentum < 1, `lars: momentum must be at least 0 and below 1; got ${momentum}`)
  expected(weightDecay >= 0, `lars: weightDecay must be at least 0; got ${weightDecay}`)
  expected(trustCoefficient > 0, `lars: trustCoefficient must be above 0; got ${trustCoefficient}`)
  expected(!nesterov || momentum > 0, 'lars: nesterov needs a momentum above 0')

  const buffers = momentum > 0 ? zerosFor(variables) : {}
  const constant = constants({ momentum, weightDecay, trustCoefficient, epsilon, zero: 0, one: 1 })

  return {
    slots: named('momentum', buffers),
    apply(gradients, { learningRate }) {
      if (canFuseUpdates()) {
        const all = updates('lars', variables, gradients).map((update) => ({
          ...update,
          buffer: buffers[update.name],
          decays: !exclude(update.name, update.variable),
        }))
        const settings = { momentum, nesterov, weightDecay, trustCoefficient, epsilon }
        fusedLars(all, learningRate, settings)
        return
      }
      tf.tidy(() => {
        for (const { name, variable, gradient } of updates('lars', variables, gradients)) {
          const scaled = exclude(name, variable) ? gradient : adapt(variable, gradient)
          const direction = momentum > 0 ? accumulate(buffers[name]!, scaled) : scaled
          variable.assign(tf.sub(variable, tf.mul(direction, learningRate)))
        }
      })
    },
    dispose: () => disposeAll(buffers, constant),
  }

  function adapt(variable: tf.Variable, gradient: tf.Tensor): tf.Tensor {
    const weightNorm = norm(variable)
    const gradientNorm = norm(gradient)
    // If the weights or the gradient are zero, the ratio is undefined, and the gradient is used unscaled.
    const defined = tf.greater(tf.mul(weightNorm, gradientNorm), constant.zero)
    const decay = tf.where(defined, constant.weightDecay, constant.zero)
    const denominator = tf.add(
      tf.add(gradientNorm, tf.mul(weightNorm, constant.weightDecay)),
      constant.epsilon,
    )
    const ratio = tf.where(
      defined,
      tf.mul(tf.div(weightNorm, denominator), constant.trustCoefficient),
      constant.one,
    )
    return tf.mul(tf.add(gradient, tf.mul(variable, decay)), ratio)
  }

  function accumulate(buffer: tf.Variable, gradient: tf.Tensor): tf.Tensor {
    const accumulated = tf.add(tf.mul(buffer, constant.momentum), gradient)
    buffer.assign(accumulated)
    return nesterov ? tf.add(gradient, tf.mul(accumulated, constant.momentum)) : accumulated
  }
}

function norm(x: tf.Tensor): tf.Tensor {
  return tf.sqrt(tf.sum(tf.square(x)))
}
