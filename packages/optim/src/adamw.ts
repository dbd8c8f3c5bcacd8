import { expected } from '@selfsup/core'
import { canFuseUpdates, fusedAdamw } from '@selfsup/kernels'
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

export interface AdamwOptions {
  /** decay of the mean of gradients */
  readonly beta1?: number
  /** decay of the mean of squared gradients */
  readonly beta2?: number
  readonly epsilon?: number
  /** each step multiplies the weights by 1 - learningRate * weightDecay, independently of the gradient */
  readonly weightDecay?: number
  /** variables without weight decay; default none, as in PyTorch */
  readonly exclude?: Exclude
}

/**
 * Adam with decoupled weight decay, as in torch.optim.AdamW
 * (Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2). All variables share one step count.
 *
 * @param variables the variables to update, by name
 * @throws SelfsupError if an option is out of range
 */
export function adamw(
  variables: Variables,
  {
    beta1 = 0.9,
    beta2 = 0.999,
    epsilon = 1e-8,
    weightDecay = 0.01,
    exclude = noVariables,
  }: AdamwOptions = {},
): Optimizer {
  expected(beta1 >= 0 && beta1 < 1, `adamw: beta1 must be at least 0 and below 1; got ${beta1}`)
  expected(beta2 >= 0 && beta2 < 1, `adamw: beta2 must be at least 0 and below 1; got ${beta2}`)
  expected(epsilon > 0, `adamw: epsilon must be above 0; got ${epsilon}`)
  expected(weightDecay >= 0, `adamw: weightDecay must be at least 0; got ${weightDecay}`)

  const means = zerosFor(variables)
  const squares = zerosFor(variables)
  const corrections = { meanCorrection: zero(), squareCorrection: zero() }
  const constant = constants({
    beta1,
    beta2,
    rest1: 1 - beta1,
    rest2: 1 - beta2,
    epsilon,
    weightDecay,
    one: 1,
  })

  return {
    slots: { ...named('mean', means), ...named('square', squares), ...corrections },
    apply(gradients, { learningRate }) {
      tf.tidy(() => {
        // 1 - beta^t by recurrence, which is accurate in float32; subtracting a power of beta from 1 is not.
        const meanCorrection = average(
          corrections.meanCorrection,
          constant.one,
          constant.beta1,
          constant.rest1,
        )
        const squareCorrection = average(
          corrections.squareCorrection,
          constant.one,
          constant.beta2,
          constant.rest2,
        )
        const rate = tf.div(learningRate, meanCorrection)
        const root = tf.sqrt(squareCorrection)
        const decay = tf.sub(constant.one, tf.mul(learningRate, constant.weightDecay))

        if (canFuseUpdates()) {
          const all = updates('adamw', variables, gradients).map((update) => ({
            ...update,
            mean: means[update.name]!,
            square: squares[update.name]!,
            decays: weightDecay > 0 && !exclude(update.name, update.variable),
          }))
          fusedAdamw(all, { rate, root, decay }, { beta1, beta2, epsilon })
          return
        }
        for (const { name, variable, gradient } of updates('adamw', variables, gradients)) {
          const mean = average(means[name]!, gradient, constant.beta1, constant.rest1)
          const square = average(squares[name]!, tf.square(gradient), constant.beta2, constant.rest2)
          const change = tf.div(mean, tf.add(tf.div(tf.sqrt(square), root), constant.epsilon))
          const decayed = weightDecay > 0 && !exclude(name, variable) ? tf.mul(variable, decay) : variable
          variable.assign(tf.sub(decayed, tf.mul(change, rate)))
        }
      })
    },
    dispose: () => disposeAll(means, squares, corrections, constant),
  }
}

function zero(): tf.Variable {
  return tf.tidy(() => tf.variable(tf.scalar(0), false))
}

/** Sets `slot = beta * slot + (1 - beta) * value` and returns the new value. */
function average(slot: tf.Variable, value: tf.Tensor, beta: tf.Scalar, rest: tf.Scalar): tf.Tensor {
  const updated = tf.add(tf.mul(slot, beta), tf.mul(value, rest))
  slot.assign(updated)
  return updated
}
