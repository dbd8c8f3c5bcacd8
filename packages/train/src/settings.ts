import { type Dataset, expected, type Method } from '@selfsup/core'
import { type Epochs, epochsOf } from './epochs.js'
import type { TrainOptions, TrainSettings } from './options.js'

/** Training settings with all defaults filled in. */
export type FullSettings = Required<Omit<TrainSettings, 'maxSteps' | 'patience' | 'stopBy'>> &
  Pick<TrainSettings, 'maxSteps' | 'patience' | 'stopBy'>

/**
 * Extracts the settings from the options, fills in defaults, and divides the dataset into epochs.
 * @throws SelfsupError if a setting is out of range, the dataset is too small, or it does not have what the method needs
 */
export function settingsFor(
  method: Method,
  dataset: Dataset,
  options: TrainOptions,
): { readonly settings: FullSettings; readonly epochs: Epochs } {
  const { epochs, batchSize, learningRate, maxSteps, patience, stopBy } = options
  const { seed = 0, keepLast = 2, logEvery = 10 } = options

  expectWhole('epochs', epochs, 1)
  expectWhole('batchSize', batchSize, 2)
  expectWhole('maxSteps', maxSteps ?? 1, 1)
  expectWhole('patience', patience ?? 1, 1)
  expectWhole('keepLast', keepLast, 1)
  expectWhole('logEvery', logEvery, 1)
  expected(Number.isSafeInteger(seed), `train: seed must be a whole number; got ${seed}`)
  expected(
    learningRate > 0 && Number.isFinite(learningRate),
    `train: learningRate must be above 0; got ${learningRate}`,
  )
  const passes = epochsOf(method, dataset, { batchSize, seed })
  // Several short epochs share a checkpoint, because writing one can take longer than an epoch.
  // A run that may stop early is measured more often.
  const steps = patience === undefined ? 100 : 20
  const wholeEpochs = Math.ceil(steps / passes.stepsPerEpoch)
  const checkpointEvery = options.checkpointEvery ?? wholeEpochs * passes.stepsPerEpoch
  expectWhole('checkpointEvery', checkpointEvery, 1)

  const settings = {
    epochs,
    batchSize,
    learningRate,
    optimizer: options.optimizer ?? { name: 'sgd' as const },
    schedule: options.schedule ?? { name: 'cosine' as const },
    seed,
    ...(maxSteps !== undefined && { maxSteps }),
    checkpointEvery,
    keepLast,
    logEvery,
    ...(patience !== undefined && { patience }),
    ...(stopBy !== undefined && { stopBy }),
  }
  return { settings, epochs: passes }
}

function expectWhole(name: string, value: number, least: number): void {
  expected(
    Number.isSafeInteger(value) && value >= least,
    `train: ${name} must be a whole number of at least ${least}; got ${value}`,
  )
}
