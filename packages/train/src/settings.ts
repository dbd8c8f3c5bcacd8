import { expected, type ImageDataset } from '@selfsup/core'
import type { TrainOptions, TrainSettings } from './options.js'

/** Settings with nothing left open. */
export type FullSettings = Required<Omit<TrainSettings, 'maxSteps'>> & Pick<TrainSettings, 'maxSteps'>

/**
 * The settings among the options, with their defaults, fit for the dataset.
 * @throws SelfsupError when one is out of range or the dataset is too small for them
 */
export function settingsFor(dataset: ImageDataset, options: TrainOptions): FullSettings {
  const { epochs, batchSize, learningRate, maxSteps, seed = 0, keepLast = 2, logEvery = 10 } = options
  const { name, length } = dataset

  expectWhole('epochs', epochs, 1)
  expectWhole('batchSize', batchSize, 2)
  expectWhole('maxSteps', maxSteps ?? 1, 1)
  expectWhole('keepLast', keepLast, 1)
  expectWhole('logEvery', logEvery, 1)
  expected(Number.isSafeInteger(seed), `train: seed must be a whole number; got ${seed}`)
  expected(
    learningRate > 0 && Number.isFinite(learningRate),
    `train: learningRate must be above 0; got ${learningRate}`,
  )
  expected(length > 0, `${name} holds no images`)
  expected(
    length > 1,
    `${name} holds a single image: there is nothing to tell it from; training needs at least 2`,
  )
  expected(
    batchSize <= length,
    `train: a batch of ${batchSize} is larger than ${name} with its ${length} images; take a batch of at most ${length}`,
  )
  const checkpointEvery = options.checkpointEvery ?? Math.floor(length / batchSize)
  expectWhole('checkpointEvery', checkpointEvery, 1)

  return {
    epochs,
    batchSize,
    learningRate,
    optimizer: options.optimizer ?? { name: 'sgd' },
    schedule: options.schedule ?? { name: 'cosine' },
    seed,
    ...(maxSteps !== undefined && { maxSteps }),
    checkpointEvery,
    keepLast,
    logEvery,
  }
}

function expectWhole(name: string, value: number, least: number): void {
  expected(
    Number.isSafeInteger(value) && value >= least,
    `train: ${name} must be a whole number of at least ${least}; got ${value}`,
  )
}
