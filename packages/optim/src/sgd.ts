import { expected } from '@selfsup/core'
import { canFuseUpdates, fusedSgd } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import {
  constants,
  disposeAll,
  type Exclude,
  named,
  noVariables,
  type Optimizer,
  updates,
  type Variables,
  zerosFor,
} from './optimizer.js'

export interface SgdOptions {
  /** fraction of the last update that is kept, from 0 (none) to below 1 */
  readonly momentum?: number
  /** look ahead by one momentum step (Nesterov 1983) */
  readonly nesterov?: boolean
  /** L2 penalty, added to the gradient */
  readonly weightDecay?: number
  /** variables without weight decay; default none, as in PyTorch */
  readonly exclude?: Exclude
}

/**
 * Stochastic gradient descent with momentum, as in torch.optim.SGD (Sutskever et al. 2013):
 * `g += weightDecay * w; buffer = momentum * buffer + g; w -= learningRate * buffer`.
 *
 * @param variables the variables to update, by name
 * @throws SelfsupError if an option is out of range
 */
export function sgd(
  variables: Variables,
  { momentum = 0.9, nesterov = false, weightDecay = 0, exclude = noVariables }: SgdOptions = {},
): Optimizer {
  expected(momentum >= 0 && momentum < 1, `sgd: momentum must be at least 0 and below 1; got ${momentum}`)
  expected(weightDecay >= 0, `sgd: weightDecay must be at least 0; got ${weightDecay}`)
  expected(!nesterov || momentum > 0, 'sgd: nesterov needs a momentum above 0')

  const buffers = momentum > 0 ? zerosFor(variables) : {}
  const constant = constants({ momentum, weightDecay })

  return {
    slots: named('momentum', buffers),
    apply(gradients, { learningRate }) {
      if (canFuseUpdates()) {
        const all = updates('sgd', variables, gradients).map((update) => ({
          ...update,
          buffer: buffers[update.name],
          decays: !exclude(update.name, update.variable),
        }))
        fusedSgd(all, learningRate, { momentum, nesterov, weightDecay })
        return
      }
      tf.tidy(() => {
        for (const { name, variable, gradient } of updates('sgd', variables, gradients)) {
          const decayed =
            weightDecay > 0 && !exclude(name, variable)
              ? tf.add(gradient, tf.mul(variable, constant.weightDecay))
              : gradient
          const direction = momentum > 0 ? accumulate(buffers[name]!, decayed) : decayed
          variable.assign(tf.sub(variable, tf.mul(direction, learningRate)))
        }
      })
    },
    dispose: () => disposeAll(buffers, constant),
  }

  function accumulate(buffer: tf.Variable, gradient: tf.Tensor): tf.Tensor {
    const accumulated = tf.add(tf.mul(buffer, constant.momentum), gradient)
    buffer.assign(accumulated)
    return nesterov ? tf.add(gradient, tf.mul(accumulated, constant.momentum)) : accumulated
  }
}
