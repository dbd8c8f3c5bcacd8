import {
  expected,
  type ImageBatch,
  type Method,
  type OptimizerSettings,
  phasesOf,
  type Step,
  stopGradient,
} from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import {
  acrossWorkers,
  countGathers,
  foldIn,
  sumOverWorkers,
  type WorkerRows,
  workerCount,
} from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import { groupUpdates } from './group-updates.js'
import { checkedPhases } from './phases.js'
import { type StepValues, valuesOfSteps } from './step-values.js'
import type { TrainedWeights } from './trained-weights.js'

/** Values that change from step to step, on the device. */
export interface StepInputs {
  /** int32 [2] */
  readonly seed: tf.Tensor1D
  readonly learningRate: tf.Scalar
  /** highest learning rate of the schedule */
  readonly highestRate: tf.Scalar
  /** 0..1 */
  readonly progress: tf.Scalar
  /** float32, counted from 0 */
  readonly epoch: tf.Scalar
  /** with several workers: 1 if this one wants to stop, otherwise 0 */
  readonly stop?: tf.Scalar
}

/** A compiled step of a method: views, targets, gradients, update and `afterUpdate` for each of its phases. */
export interface TrainingStep {
  /** state of the optimisers, by the names in a checkpoint */
  readonly slots: Readonly<Record<string, tf.Variable>>
  /**
   * Trains on one batch.
   * @param phases phases to run, in order; default: each once
   * @param workers with several workers, the number of images of each; `batch` is this worker's part
   * @returns values for `read`; the caller disposes of them
   * @throws SelfsupError if the method has no such phase, or reports a metric with a reserved name
   */
  run(batch: ImageBatch, inputs: StepInputs, phases?: readonly string[], workers?: WorkerRows): tf.Tensor1D
  /** Compiles for such arguments without training, and waits for XLA if it compiles the step. */
  prepare(
    batch: ImageBatch,
    inputs: StepInputs,
    phases?: readonly string[],
    workers?: WorkerRows,
  ): Promise<void>
  /** whether the last `run` used what XLA compiled */
  readonly byXla: boolean
  /** whether XLA is compiling the step of the last `run` in the background */
  readonly compiling: boolean
  /** Reads the values that a step of these phases reported; waits for the device. */
  read(values: tf.Tensor1D, phases?: readonly string[]): Promise<StepValues>
  dispose(): void
}

/** Streams of the step's seed for phases after the first, targets and loss. The views draw from the seed itself. */
const streams = { phase: 0x9a5e, targets: 0x7a26, loss: 0x1055 } as const

/**
 * Creates the step that trains a method on an engine: a function of (weights, slots, method state, batch, seed, learning
 * rates, progress, epoch) in TensorFlow.js operations only. It is compiled once for each list of phases, if the engine can
 * compile.
 * @param options.steps approximate number of steps that will run, from which the engine decides how much to optimise
 * @throws SelfsupError if the method has nothing to train, or its groups and phases don't match its weights
 */
export function trainingStep(
  method: Method,
  settings: OptimizerSettings,
  engine: Engine,
  { steps }: { readonly steps?: number } = {},
): TrainingStep {
  const updates = groupUpdates(method, settings)
  const all = phasesOf(method)
  const values = valuesOfSteps(method.name, all, engine.workers?.count)

  const compiled = engine.compile(
    (batch: ImageBatch, inputs: StepInputs, phases: readonly string[], workers?: WorkerRows): tf.Tensor1D =>
      acrossWorkers(workers, () => {
        const reported = tf.concat1d(
          phases.map((phase, position) => tf.tidy(() => runPhase(batch, inputs, phase, position))),
        )
        return workers ? values.ofWorkers(reported, inputs.stop!) : reported
      }),
    { calls: steps },
  )

  function runPhase(
    batch: ImageBatch,
    { seed, learningRate, highestRate, progress, epoch }: StepInputs,
    phase: string,
    position: number,
  ): tf.Tensor1D {
    // The first phase uses the step's seed, because crops that were cut while decoding were drawn from it.
    const own = position === 0 ? seed : foldIn(foldIn(seed, streams.phase), position)
    const stepFor = (seed: tf.Tensor1D): Step => ({ seed, progress, epoch, phase })
    const step = stepFor(foldIn(own, streams.loss))

    const views = method.views(batch, stepFor(own))
    const targets = tf.tidy(() => method.targets?.(views, stepFor(foldIn(own, streams.targets))))
    const { gradients, reported } = gradientsOf(() => {
      const gathers = countGathers()
      const result = method.loss(views, step, targets)
      expected(
        workerCount() === 1 || countGathers() > gathers,
        `${method.name} can't be trained by several workers: its loss uses only the images of each worker; train it with one worker`,
        { code: 'unsupported' },
      )
      const reported = values.gather(phase, result)
      // The workers differentiate the mean of their losses, which are all equal.
      return { loss: workerCount() > 1 ? tf.div(result.loss, workerCount()) : result.loss, reported }
    }, updates.trained[phase]!)
    updates.apply(
      sumOverWorkers(gradients),
      { scheduled: learningRate, highest: highestRate, optimizer: settings.name },
      step,
    )
    method.afterUpdate?.(views, step, targets)
    return reported
  }

  return {
    slots: updates.slots,
    run(batch, inputs, phases = all, workers) {
      const checked = checkedPhases(phases, method.name, all)
      return workers ? compiled(batch, inputs, checked, workers) : compiled(batch, inputs, checked)
    },
    prepare(batch, inputs, phases = all, workers) {
      const checked = checkedPhases(phases, method.name, all)
      return workers
        ? compiled.prepare(batch, inputs, checked, workers)
        : compiled.prepare(batch, inputs, checked)
    },
    get byXla() {
      return compiled.byXla
    },
    get compiling() {
      return compiled.compiling
    },
    read: (tensor, phases = all) => values.read(tensor, phases),
    dispose() {
      compiled.dispose()
      updates.dispose()
    },
  }
}

/** Computes the gradients of a loss by the weights' names, and returns the values reported with the loss. */
function gradientsOf(
  compute: () => { loss: tf.Scalar; reported: tf.Tensor1D },
  weights: TrainedWeights,
): { gradients: Record<string, tf.Tensor>; reported: tf.Tensor1D } {
  let held: tf.Tensor1D | undefined
  const { value, grads } = tf.variableGrads(() => {
    const { loss, reported } = compute()
    // variableGrads disposes of everything but the loss, so the reported values are kept explicitly.
    held = tf.keep(stopGradient(reported))
    return loss
  }, Object.values(weights))
  value.dispose()
  const reported = stopGradient(held!)
  held!.dispose()

  const gradients: Record<string, tf.Tensor> = {}
  for (const [name, variable] of Object.entries(weights)) {
    const gradient = grads[variable.name]
    if (gradient) gradients[name] = gradient
  }
  return { gradients, reported }
}
