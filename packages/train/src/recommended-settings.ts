import type { OptimizerSettings, ScheduleSettings, TrainingDefaults } from '@selfsup/core'
import { linearScaling } from '@selfsup/optim'
import type { TrainSettings } from './options.js'

/** Part of a run that a recommended warm-up takes at most: ten of a hundred epochs, as the papers' shortest recipes have it. */
const LONGEST_WARMUP = 0.1

/** What a person may choose otherwise than a method's defaults have it. */
export interface ChosenSettings {
  readonly epochs?: number
  readonly batchSize?: number
  /** scaled as the default is */
  readonly learningRate?: number
  readonly warmupEpochs?: number
  readonly optimizer?: OptimizerSettings['name']
  readonly weightDecay?: number
}

/**
 * Settings for `train` from what a method's definition recommends: the learning rate fitted to the batch, with it the one that a
 * cosine ends at; milestones fitted to the number of epochs, of which the warm-up takes a tenth at most. An optimiser other
 * than the recommended one keeps nothing of it but the weight decay.
 */
export function recommendedSettings(
  training: TrainingDefaults,
  chosen: ChosenSettings = {},
): Required<Pick<TrainSettings, 'epochs' | 'batchSize' | 'learningRate' | 'optimizer' | 'schedule'>> {
  const { epochs = training.epochs, batchSize = training.batchSize } = chosen
  const rate = chosen.learningRate ?? training.learningRate
  const { name, weightDecay } = training.optimizer
  const other = chosen.optimizer !== undefined && chosen.optimizer !== name
  const learningRate = training.scaling === 'linear' ? linearScaling(rate, batchSize) : rate
  const optimizer: OptimizerSettings = other ? { name: chosen.optimizer, weightDecay } : training.optimizer
  return {
    epochs,
    batchSize,
    learningRate,
    optimizer: { ...optimizer, weightDecay: chosen.weightDecay ?? weightDecay },
    schedule: fitted(training.schedule, {
      epochs: epochs / training.epochs,
      rate: learningRate / training.learningRate,
      warmupEpochs:
        chosen.warmupEpochs === undefined
          ? Math.min(training.schedule.warmupEpochs ?? 0, epochs * LONGEST_WARMUP)
          : Math.min(chosen.warmupEpochs, epochs),
    }),
  }
}

function fitted(
  schedule: ScheduleSettings,
  { epochs, rate, warmupEpochs }: Readonly<Record<'epochs' | 'rate' | 'warmupEpochs', number>>,
): ScheduleSettings {
  switch (schedule.name) {
    case 'step':
      return { ...schedule, warmupEpochs, milestones: schedule.milestones.map((epoch) => epoch * epochs) }
    case 'cosine':
      return {
        ...schedule,
        warmupEpochs,
        ...(schedule.final !== undefined && { final: schedule.final * rate }),
      }
    default:
      return { ...schedule, warmupEpochs }
  }
}
