import { expected, type ImageBatch, type LossResult, type Method, stopGradient } from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import { foldIn } from '@selfsup/kernels'
import { adamw, lars, type Optimizer, sgd, type Variables } from '@selfsup/optim'
import * as tf from '@tensorflow/tfjs-core'
import type { OptimizerSettings } from './options.js'
import { featureSpread } from './spread.js'
import { trainableWeights } from './weight-names.js'

/** What changes from step to step, on the device. */
export interface StepInputs {
  /** int32 [2] */
  readonly seed: tf.Tensor1D
  readonly learningRate: tf.Scalar
  /** 0..1 */
  readonly progress: tf.Scalar
}

/** One compiled step of a method: views, gradients, update, what comes after the update. */
export interface TrainingStep {
  /** state of the optimisers, by the names that a checkpoint gives it */
  readonly slots: Readonly<Record<string, tf.Variable>>
  /** Trains on one batch; returns the values that `read` understands, to be disposed of by the caller. */
  run(batch: ImageBatch, inputs: StepInputs): tf.Tensor1D
  /** The loss and the other values of a step, by name; waits for the device. */
  read(values: tf.Tensor1D): Promise<{ loss: number } & Record<string, number>>
  dispose(): void
}

/** Stream of the step's seed for what the loss draws, apart from what the views draw. */
const lossStream = 0x1055

function optimizerOf(settings: OptimizerSettings, variables: Variables): Optimizer {
  switch (settings.name) {
    case 'sgd':
      return sgd(variables, settings)
    case 'lars':
      return lars(variables, settings)
    case 'adamw':
      return adamw(variables, settings)
  }
}

/**
 * Makes the step that trains a method on an engine: a function of (weights, slots, method state, batch,
 * seed, learning rate, progress) in TensorFlow.js operations only, compiled where the engine can.
 * @throws SelfsupError when the method's networks have nothing to train
 */
export function trainingStep(method: Method, settings: OptimizerSettings, engine: Engine): TrainingStep {
  const phases = Object.entries(method.phases ?? { main: Object.keys(method.networks) }).map(
    ([phase, networks]) => {
      const variables = trainableWeights(pick(method, phase, networks))
      expected(
        Object.keys(variables).length > 0,
        `${method.name}: the networks of phase '${phase}' (${networks.join(', ')}) have no trainable weights`,
      )
      return {
        phase,
        variables,
        optimizer: optimizerOf(settings, variables),
      }
    },
  )
  const names = new Map<string, string[]>()

  const compiled = engine.compile(
    (batch: ImageBatch, seed: tf.Tensor1D, learningRate: tf.Scalar, progress: tf.Scalar) => {
      const views = method.views(batch, seed)
      const lossSeed = foldIn(seed, lossStream)
      const values = phases.map(({ phase, variables, optimizer }) => {
        const step = { seed: lossSeed, progress, phase }
        const { gradients, summary } = gradientsOf(() => {
          const { loss, values } = summarise(method.loss(views, step))
          names.set(phase, Object.keys(values))
          return { loss, summary: tf.stack(Object.values(values)) }
        }, variables)
        optimizer.apply(gradients, { learningRate })
        method.afterUpdate?.(views, step)
        return summary
      })
      return tf.concat1d(values as tf.Tensor1D[])
    },
  )

  return {
    slots: Object.assign(
      {},
      ...phases.map(({ phase, optimizer }) =>
        Object.fromEntries(
          Object.entries(optimizer.slots).map(([slot, variable]) => [`${phase}/${slot}`, variable]),
        ),
      ),
    ),
    run: (batch, { seed, learningRate, progress }) => compiled(batch, seed, learningRate, progress),
    async read(values) {
      const numbers = [...(await values.data())]
      const read: Record<string, number> = {}
      let loss = 0
      for (const [phase, keys] of names) {
        for (const key of keys) {
          const value = numbers.shift()!
          if (key === 'loss') loss += value
          read[names.size > 1 ? `${phase}/${key}` : key] = value
        }
      }
      return { ...read, loss }
    },
    dispose() {
      for (const { optimizer } of phases) optimizer.dispose()
    },
  }
}

function pick({ name, networks }: Method, phase: string, wanted: readonly string[]) {
  return Object.fromEntries(
    wanted.map((network) => {
      expected(
        networks[network],
        `${name}: phase '${phase}' trains '${network}', which is none of its networks`,
      )
      return [network, networks[network]]
    }),
  )
}

/** The values that a step reports, by name, as scalars of float32. */
function summarise({ loss, metrics = {}, features }: LossResult) {
  const values: Record<string, tf.Tensor> = { loss }
  const spread = featureSpread(features)
  if (spread) values.spread = spread
  Object.assign(values, metrics)
  for (const name in values) values[name] = tf.cast(tf.reshape(values[name]!, []), 'float32')
  return { loss, values }
}

/** Gradients of a loss by the variables' names here, and what was computed beside it. */
function gradientsOf(
  compute: () => { loss: tf.Scalar; summary: tf.Tensor },
  variables: Readonly<Record<string, tf.Variable>>,
) {
  let held: tf.Tensor | undefined
  const { value, grads } = tf.variableGrads(() => {
    const { loss, summary } = compute()
    // Only the loss leaves the scope in which gradients are taken; this is carried past its end.
    held = tf.keep(stopGradient(summary))
    return loss
  }, Object.values(variables))
  value.dispose()
  const summary = stopGradient(held!)
  held!.dispose()

  const gradients: Record<string, tf.Tensor> = {}
  for (const [name, variable] of Object.entries(variables)) {
    const gradient = grads[variable.name]
    if (gradient) gradients[name] = gradient
  }
  return { gradients, summary }
}
