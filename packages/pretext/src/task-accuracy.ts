import { expected, type ImageBatch, type ImageDataset, imageTensor, mixSeed, type Step } from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { type Pretext, rightAnswers, type TaskViews } from './classification.js'

export interface TaskAccuracyOptions {
  readonly batchSize?: number
  /** use only this many images, from the start of the dataset */
  readonly limit?: number
  /** seed of crops and tasks; default 0 */
  readonly seed?: number
  /** compiles the computation if the engine supports it */
  readonly engine?: Pick<Engine, 'compile'>
  readonly signal?: AbortSignal
}

/** Purpose in the seed of a batch, different from those of training. */
const PURPOSE = 0x7a5c

/**
 * Evaluates how well a method solves its task on other images. Tasks are created as in training, including crops and flips;
 * the networks run in inference mode.
 * @returns fraction of the tasks that are solved, `chance` (the accuracy of guessing), and the number of tasks
 * @throws SelfsupError if no image can be read
 */
export async function taskAccuracy<Views extends TaskViews>(
  method: Pretext<Views>,
  dataset: ImageDataset,
  { batchSize = 256, limit, seed = 0, engine, signal }: TaskAccuracyOptions = {},
): Promise<{ accuracy: number; chance: number; tasks: number }> {
  const count = (batch: ImageBatch, seed: tf.Tensor1D) =>
    tf.tidy(() => {
      const step: Step = { seed, progress: tf.scalar(1), epoch: tf.scalar(0), phase: 'main' }
      const views = method.views(batch, step)
      return rightAnswers(method.solve(views), views.labels)
    })
  const compiled = engine?.compile(count)
  const seedOf = (batch: number) => mixSeed(seed, PURPOSE, batch)
  let [right, tasks, number] = [0, 0, 0]
  try {
    const some = {
      batchSize: Math.min(batchSize, dataset.length),
      limit,
      crops: method.crops,
      seedOf,
      signal,
    }
    for await (const { images, crops, labels, indices } of dataset.batches(some)) {
      const own = [...seedOf(number++)]
      if (labels.length === 0) continue
      const inputs = {
        batch: {
          ...(images && { images: imageTensor(images) }),
          ...(crops && { crops: crops.map(imageTensor) }),
          labels: tf.tensor1d(labels, 'int32'),
          indices: tf.tensor1d(indices, 'int32'),
        },
        seed: tf.tensor1d(own, 'int32'),
      }
      const answers = (compiled ?? count)(inputs.batch, inputs.seed)
      tf.dispose(inputs)
      const values = await answers.data()
      answers.dispose()
      tasks += values.length
      for (const value of values) right += value
    }
  } finally {
    compiled?.dispose()
  }
  expected(tasks > 0, `taskAccuracy: no image of ${dataset.name} could be read`)
  return { accuracy: right / tasks, chance: 1 / method.answers, tasks }
}
