import type { OptimizerSettings, ScheduleSettings, TrainingDefaults } from '@selfsup/core'
import { linearScaling } from '@selfsup/optim'
import type { TrainSettings } from './options.js'

/** Longest recommended warm-up as a fraction of the run: ten of a hundred epochs, as in the papers' shortest recipes. */
const LONGEST_WARMUP = 0.1

/** Settings that the user can choose instead of a method's defaults. */
export interface ChosenSettings {
  readonly epochs?: number
  readonly batchSize?: number
  /** scaled with the batch size in the same way as the default */
  readonly learningRate?: number
  readonly warmupEpochs?: number
  readonly optimizer?: OptimizerSettings['name']
  readonly weightDecay?: number
}

/**
 * Computes settings for `train` from the recommendation of a method's definition. The learning rate and the final rate of a
 * cosine are scaled to the batch size, and milestones to the number of epochs; the warm-up is at most a tenth of the epochs. If
 * you choose a different optimiser, only the weight decay of the recommended one is used.
 */
export function recommendedSettings(
  training: TrainingDefaults,
  chosen: ChosenSettings = {},
): Required<Pick<TrainSettings, 'epochs' | 'batchSize' | 'learningRate' | 'optimizer' | 'schedule'>> &
  Pick<TrainSettings, 'patience'> {
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
    ...(training.patience !== undefined && { patience: training.patience }),
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
