import {
  type ImageBatch,
  type Method,
  type OptimizerSettings,
  phasesOf,
  type Step,
  stopGradient,
} from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import { foldIn } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import { groupUpdates } from './group-updates.js'
import { checkedPhases } from './phases.js'
import { type StepValues, valuesOfSteps } from './step-values.js'
import type { TrainedWeights } from './trained-weights.js'

/** What changes from step to step, on the device. */
export interface StepInputs {
  /** int32 [2] */
  readonly seed: tf.Tensor1D
  readonly learningRate: tf.Scalar
  /** the highest that the schedule reaches */
  readonly highestRate: tf.Scalar
  /** 0..1 */
  readonly progress: tf.Scalar
  /** float32, counted from 0 */
  readonly epoch: tf.Scalar
}

/** One compiled step of a method: for each of its phases views, targets, gradients, update, and what comes after it. */
export interface TrainingStep {
  /** state of the optimisers, by the names that a checkpoint gives it */
  readonly slots: Readonly<Record<string, tf.Variable>>
  /**
   * Trains on one batch.
   * @param phases which of the method's, in order; default each once
   * @returns the values that `read` understands, to be disposed of by the caller
   * @throws SelfsupError when the method has no such phase, or reports a metric under a name that is taken
   */
  run(batch: ImageBatch, inputs: StepInputs, phases?: readonly string[]): tf.Tensor1D
  /** What a step of these phases reported; waits for the device. */
  read(values: tf.Tensor1D, phases?: readonly string[]): Promise<StepValues>
  dispose(): void
}

/** Streams of the seed, apart from what the views draw: of a phase that is not the step's first, and of what follows the views. */
const streams = { phase: 0x9a5e, targets: 0x7a26, loss: 0x1055 } as const

/**
 * Makes the step that trains a method on an engine: a function of (weights, slots, method state, batch, seed, learning
 * rates, progress, epoch) in TensorFlow.js operations only, compiled where the engine can, once for each list of phases.
 * @param options.steps about how many will run: what compiling may cost
 * @throws SelfsupError when the method has nothing to train, or its groups and phases don't fit its weights
 */
export function trainingStep(
  method: Method,
  settings: OptimizerSettings,
  engine: Engine,
  { steps }: { readonly steps?: number } = {},
): TrainingStep {
  const updates = groupUpdates(method, settings)
  const all = phasesOf(method)
  const values = valuesOfSteps(method.name, all)

  const compiled = engine.compile(
    (batch: ImageBatch, inputs: StepInputs, phases: readonly string[]): tf.Tensor1D =>
      tf.concat1d(phases.map((phase, position) => tf.tidy(() => runPhase(batch, inputs, phase, position)))),
    { calls: steps },
  )

  function runPhase(
    batch: ImageBatch,
    { seed, learningRate, highestRate, progress, epoch }: StepInputs,
    phase: string,
    position: number,
  ): tf.Tensor1D {
    // The first phase has the step's own seed: crops that were taken while decoding were drawn from it.
    const own = position === 0 ? seed : foldIn(foldIn(seed, streams.phase), position)
    const stepFor = (seed: tf.Tensor1D): Step => ({ seed, progress, epoch, phase })
    const step = stepFor(foldIn(own, streams.loss))

    const views = method.views(batch, stepFor(own))
    const targets = tf.tidy(() => method.targets?.(views, stepFor(foldIn(own, streams.targets))))
    const { gradients, beside } = gradientsOf(() => {
      const result = method.loss(views, step, targets)
      return { loss: result.loss, beside: values.gather(phase, result) }
    }, updates.trained[phase]!)
    updates.apply(
      gradients,
      { scheduled: learningRate, highest: highestRate, optimizer: settings.name },
      step,
    )
    method.afterUpdate?.(views, step, targets)
    return beside
  }

  return {
    slots: updates.slots,
    run: (batch, inputs, phases = all) => compiled(batch, inputs, checkedPhases(phases, method.name, all)),
    read: (tensor, phases = all) => values.read(tensor, phases),
    dispose() {
      compiled.dispose()
      updates.dispose()
    },
  }
}

/** Gradients of a loss by the weights' names, and what was computed beside it. */
function gradientsOf(
  compute: () => { loss: tf.Scalar; beside: tf.Tensor1D },
  weights: TrainedWeights,
): { gradients: Record<string, tf.Tensor>; beside: tf.Tensor1D } {
  let held: tf.Tensor1D | undefined
  const { value, grads } = tf.variableGrads(() => {
    const { loss, beside } = compute()
    // Only the loss leaves the scope in which gradients are taken; this is carried past its end.
    held = tf.keep(stopGradient(beside))
    return loss
  }, Object.values(weights))
  value.dispose()
  const beside = stopGradient(held!)
  held!.dispose()

  const gradients: Record<string, tf.Tensor> = {}
  for (const [name, variable] of Object.entries(weights)) {
    const gradient = grads[variable.name]
    if (gradient) gradients[name] = gradient
  }
  return { gradients, beside }
}
