import { expected, type Networks, namedWeights, stopGradient } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel, LayerVariable } from '@tensorflow/tfjs-layers'

/** The same networks with separate weights that receive no gradient: a momentum encoder, target or teacher. */
export interface MomentumCopy {
  /** all weights of the copy, including running statistics, with the names of `weightNames`: a method's `state` */
  readonly values: Readonly<Record<string, tf.Variable>>
  /** the values that follow the networks: the trainable weights, without running statistics */
  readonly averages: Readonly<Record<string, tf.Variable>>
  /** the networks' own weights, by the names of `averages` */
  readonly originals: Readonly<Record<string, tf.Variable>>
  /**
   * Applies the networks one after the other, with the copy's weights.
   * @param x input of the first network
   * @param options.training batch normalisation uses the batch's statistics; default false
   * @param options.updateStatistics training updates the copy's running statistics, never the networks' own; default true
   * @param options.batchGroups number of parts of the batch that this package's `BatchNormalization` normalises
   *   separately; default 1
   * @returns output of the last network, as a constant; nothing is kept for a backward pass
   */
  apply<T extends tf.Tensor = tf.Tensor2D>(
    x: tf.Tensor,
    options?: {
      readonly training?: boolean
      readonly updateStatistics?: boolean
      readonly batchGroups?: number
    },
  ): T
  dispose(): void
}

/**
 * Copies networks for momentum updates (He et al. 2020, arXiv:1911.05722; BYOL's target network: Grill et al. 2020,
 * arXiv:2006.07733). The copy starts with the same values and only changes when you assign to `values`: call
 * `exponentialMovingAverage(copy.averages, copy.originals, momentum)` of @selfsup/optim after each update. The copy only
 * has weights and computes with the networks' own layers, so it supports any layers.
 * @param networks models with one input and one output; each takes the output of the one before
 * @throws SelfsupError if a network has several inputs or outputs
 */
export function momentumCopy(networks: Networks): MomentumCopy {
  const models = Object.entries(networks)
  for (const [name, model] of models) checkModel(name, model)
  const weights = [...namedWeights(networks)]
  const values = Object.fromEntries(weights.map(([name, weight]) => [name, copyOf(weight.read())]))
  const followed = weights.filter(([, weight]) => weight.trainable)
  return {
    values,
    averages: Object.fromEntries(followed.map(([name]) => [name, values[name]!])),
    originals: Object.fromEntries(followed.map(([name, weight]) => [name, weight.read() as tf.Variable])),
    apply<T extends tf.Tensor>(
      x: tf.Tensor,
      { training = false, updateStatistics = true, batchGroups = 1 } = {},
    ) {
      const chain = (x: tf.Tensor) =>
        models.reduce((y, [, model]) => model.apply(y, { training, batchGroups }) as tf.Tensor, x)
      const compute = () => withValues(weights, values, () => untaped(chain, x))
      return (updateStatistics ? compute() : unchanged(values, compute)) as T
    },
    dispose: () => tf.dispose(Object.values(values)),
  }
}

function checkModel(name: string, { inputs, outputs }: LayersModel): void {
  expected(
    inputs.length === 1 && outputs.length === 1,
    `momentumCopy: ${name} must have one input and one output; it has ${inputs.length} and ${outputs.length}`,
  )
}

/** A variable with the same values and separate data; `clone` would share the data. */
function copyOf(value: tf.Tensor): tf.Variable {
  return tf.tidy(() => tf.variable(tf.mul(value, tf.scalar(1, value.dtype)), false))
}

/** Runs `compute` and restores the variables afterwards. */
function unchanged<T>(values: Readonly<Record<string, tf.Variable>>, compute: () => T): T {
  const before = Object.values(values).map((value) => ({ value, kept: tf.keep(tf.clone<tf.Tensor>(value)) }))
  try {
    return compute()
  } finally {
    for (const { value, kept } of before) {
      if (value.dataId !== kept.dataId) value.assign(kept)
      kept.dispose()
    }
  }
}

/** Runs `compute` while the layers read and write other variables. */
function withValues<T>(
  weights: readonly (readonly [string, LayerVariable])[],
  values: Readonly<Record<string, tf.Variable>>,
  compute: () => T,
): T {
  // Layers read the variable from their LayerVariable each time; TensorFlow.js 4 stores it in `val`.
  const places = weights.map(([name, weight]) => {
    const place = weight as unknown as { val: tf.Variable }
    return { place, own: place.val, other: values[name]! }
  })
  for (const { place, other } of places) place.val = other
  try {
    return compute()
  } finally {
    for (const { place, own } of places) place.val = own
  }
}

/** f(x) as a constant. Runs inside a custom operation, so that the gradient tape keeps no intermediate tensors. */
function untaped(f: (x: tf.Tensor) => tf.Tensor, x: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const operation = tf.customGrad((input) => ({
      value: f(input as tf.Tensor),
      gradFunc: (dy: tf.Tensor) => tf.zerosLike(dy),
    }))
    return stopGradient(operation(x))
  })
}
