import type { ScheduleSettings } from '@selfsup/core'
import { expect, test } from 'vitest'
import { followLoss, meanLoss } from './checkpoint.js'
import { learningRateSchedule } from './learning-rate.js'
import { Stopwatch } from './stopwatch.js'

const run = { totalSteps: 8, stepsPerEpoch: 2 }

test.each([
  [{ name: 'constant' }, [1, 1, 1, 1, 1, 1, 1, 1]],
  [{ name: 'constant', warmupEpochs: 2 }, [0.25, 0.5, 0.75, 1, 1, 1, 1, 1]],
  [{ name: 'step', milestones: [2, 3], factor: 0.5 }, [1, 1, 1, 1, 0.5, 0.5, 0.25, 0.25]],
  [{ name: 'cosine', warmupEpochs: 2 }, [0.25, 0.5, 0.75, 1, 1, 0.853553, 0.5, 0.146447]],
  [{ name: 'cosine', warmupEpochs: 100 }, [0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1]],
] satisfies [ScheduleSettings, number[]][])('%j', (settings, expected) => {
  const schedule = learningRateSchedule(1, settings, run)
  expected.forEach((value, step) => {
    expect(schedule(step), `step ${step}`).toBeCloseTo(value, 6)
  })
})

test('the mean of losses is not biased in the first steps', () => {
  let smoothed = 0
  for (let step = 1; step <= 250; step++) {
    smoothed = followLoss(smoothed, 3)
    expect(meanLoss(smoothed, step)).toBeCloseTo(3, 10)
  }
  expect(meanLoss(0, 0)).toBeNaN()
})

test('a stopwatch drops the first lap after the second', () => {
  const watch = new Stopwatch(3)
  expect(watch.imagesPerSecond).toBe(0)
  watch.lap(1_000_000)
  expect(watch.imagesPerSecond).toBeGreaterThan(0)
  watch.lap(0)
  expect(watch.imagesPerSecond).toBe(0)
})
