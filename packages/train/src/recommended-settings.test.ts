import type { TrainingDefaults } from '@selfsup/core'
import { expect, test } from 'vitest'
import { recommendedSettings } from './index.js'

const training: TrainingDefaults = {
  epochs: 200,
  batchSize: 256,
  learningRate: 0.03,
  scaling: 'linear',
  schedule: { name: 'step', milestones: [120, 160], warmupEpochs: 10 },
  optimizer: { name: 'sgd', momentum: 0.8, weightDecay: 1e-4 },
}

test('returns a method’s defaults if nothing is chosen', () => {
  expect(recommendedSettings(training)).toEqual({
    epochs: 200,
    batchSize: 256,
    learningRate: 0.03,
    schedule: training.schedule,
    optimizer: training.optimizer,
  })
})

test('scales the learning rate with the batch if scaling is linear, and milestones and warm-up with the epochs', () => {
  const chosen = { epochs: 5, batchSize: 512 }
  expect(recommendedSettings(training, chosen)).toMatchObject({
    learningRate: 0.06,
    schedule: { milestones: [3, 4], warmupEpochs: 0.5 },
  })
  const longer = (warmupEpochs: number) => recommendedSettings(training, { ...chosen, warmupEpochs }).schedule
  expect([longer(2).warmupEpochs, longer(20).warmupEpochs]).toEqual([2, 5])
  const fixed = { ...training, scaling: 'none' } as const
  expect(recommendedSettings(fixed, { ...chosen, learningRate: 0.5 })).toMatchObject({ learningRate: 0.5 })
})

test('the final rate of a cosine remains the same fraction of the highest rate', () => {
  const cosine = { ...training, schedule: { name: 'cosine', final: 3e-5 } } as const
  const final = (chosen: object) => {
    const { schedule, learningRate } = recommendedSettings(cosine, chosen)
    return (schedule.name === 'cosine' ? schedule.final! : Number.NaN) / learningRate
  }
  for (const chosen of [{}, { batchSize: 64 }, { learningRate: 0.3, batchSize: 1024 }])
    expect(final(chosen)).toBeCloseTo(1e-3, 9)
})

test('a different optimiser keeps only the weight decay', () => {
  expect(recommendedSettings(training, { optimizer: 'adamw' }).optimizer).toEqual({
    name: 'adamw',
    weightDecay: 1e-4,
  })
  expect(recommendedSettings(training, { optimizer: 'sgd', weightDecay: 0 }).optimizer).toEqual({
    name: 'sgd',
    momentum: 0.8,
    weightDecay: 0,
  })
})
