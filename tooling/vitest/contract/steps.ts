import { type ImageBatch, type Method, type OptimizerSettings, phasesOf, weightNames } from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import type { StepValues } from '../../../packages/train/src/step-values.js'
import { type TrainingStep, trainingStep } from '../../../packages/train/src/training-step.js'
import { stepOf } from '../batches.js'
import { tensorsIn } from './subject.js'

/** Each phase's loss as the loop computes it, without gradients; to be called in a tidy. */
export function lossesOf(method: Method, batch: ImageBatch): { phase: string; loss: number }[] {
  return phasesOf(method).map((phase) => {
    const step = stepOf(phase)
    const views = method.views(batch, step)
    const { loss } = method.loss(views, step, method.targets?.(views, step) as tf.TensorContainer)
    return { phase, loss: loss.dataSync()[0]! }
  })
}

/** An engine that runs every step one operation after another. */
export function eagerly(engine: Engine): Engine {
  return { ...engine, compile: (step, more) => engine.compile(step, { ...more, eager: true }) }
}

/** The loop's training step of a method. */
export interface Trainer {
  readonly step: TrainingStep
  /**
   * @param number of the step: the seed follows from it
   * @param phases default each of the method's once
   */
  run(number: number, phases?: readonly string[]): Promise<StepValues>
  /** all that a checkpoint holds, by name */
  readonly variables: ReadonlyMap<string, tf.Variable>
  dispose(): void
}

/** Trains a method on one batch, which the trainer disposes of. */
export function trainerOf(
  method: Method,
  batch: ImageBatch,
  engine: Engine,
  { optimizer, rate }: { readonly optimizer: OptimizerSettings; readonly rate: number },
): Trainer {
  const step = trainingStep(method, optimizer, engine)
  return {
    step,
    async run(number, phases) {
      const inputs = {
        seed: tf.tensor1d([1, number], 'int32'),
        learningRate: tf.scalar(rate),
        highestRate: tf.scalar(rate),
        progress: tf.scalar(number / 100),
        epoch: tf.scalar(0),
      }
      const values = step.run(batch, inputs, phases)
      try {
        return await step.read(values, phases ?? phasesOf(method))
      } finally {
        tf.dispose([values, inputs])
      }
    },
    variables: new Map([
      ...named('networks', weightNames(method.networks)),
      ...named('parameters', Object.entries(method.parameters ?? {})),
      ...named('state', Object.entries(method.state)),
      ...named('optimizer', Object.entries(step.slots)),
    ]),
    dispose() {
      step.dispose()
      tf.dispose(tensorsIn(batch as unknown as tf.TensorContainer))
    },
  }
}

function named(prefix: string, variables: Iterable<[string, tf.Variable]>): [string, tf.Variable][] {
  return [...variables].map(([name, variable]) => [`${prefix}/${name}`, variable])
}

/** Gives `use` a trainer and disposes of it afterwards, whatever happens. */
export async function withTrainer<Result>(
  trainer: Trainer,
  use: (trainer: Trainer) => Promise<Result>,
): Promise<Result> {
  try {
    return await use(trainer)
  } finally {
    trainer.dispose()
  }
}
