import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import fixture from './fixtures/optimizers.json' with { type: 'json' }
import { constant, cosine, cosineOf, linearScaling, multiStep, warmupCosine } from './index.js'

function expectClose(values: number[], expected: number[]) {
  values.forEach((value, i) => {
    expect(Math.abs(value - expected[i]!), `step ${i}`).toBeLessThan(1e-12)
  })
}

test('warmupCosine without warm-up equals torch.optim.lr_scheduler.CosineAnnealingLR', () => {
  const { values, ...options } = fixture.cosineAnnealing
  expectClose(
    values.map((_, step) => warmupCosine(options)(step)),
    values,
  )
})

test('warmupCosine equals cosine_warmup_schedule of lightly, whose last step is the final value', () => {
  const { values, ...options } = fixture.cosineWarmup
  expectClose(
    values.map((_, step) => warmupCosine(options)(step)),
    values,
  )
})

test('warmupCosine stays at the final value', () => {
  expect(warmupCosine({ base: 1, totalSteps: 3, final: 0.5 })(100)).toBe(0.5)
  expect(warmupCosine({ base: 1, totalSteps: 0 })(0)).toBe(0)
  expect(() => warmupCosine({ base: 1, warmupSteps: 4, totalSteps: 3 })).toThrow(
    'between 0 and totalSteps (3)',
  )
})

test('multiStep decays at the milestones', () => {
  const schedule = multiStep({ base: 1, warmupSteps: 2, milestones: [4, 6], factor: 0.5 })
  expectClose([0, 1, 2, 3, 4, 5, 6, 7].map(schedule), [0.5, 1, 1, 1, 0.5, 0.5, 0.25, 0.25])
  expect(() => multiStep({ base: 1, milestones: [3, 3] })).toThrow('must be ascending; got 3, 3')
})

test('cosine, constant, linearScaling', () => {
  expectClose([0, 50, 100].map(cosine({ from: 0.996, to: 1, totalSteps: 100 })), [0.996, 0.998, 1])
  expect(constant(3)(7)).toBe(3)
  expect(linearScaling(0.06, 512)).toBeCloseTo(0.12, 12)
})

test.each(testEngines())('cosineOf equals cosine on %s', async (engine) => {
  await prepareEngine({ engine })
  const progress = tf.scalar(0.3)
  const before = tf.memory().numTensors
  const value = cosineOf(progress, { from: 0.996, to: 1 })
  expect(tf.memory().numTensors).toBe(before + 1)
  expect(value.dataSync()[0]).toBeCloseTo(cosine({ from: 0.996, to: 1, totalSteps: 10 })(3), 6)
  tf.dispose([progress, value])
  for (const [done, expected] of [
    [0, 5],
    [0.5, 3],
    [1, 1],
  ] as const)
    expect(tf.tidy(() => cosineOf(tf.scalar(done), { from: 5, to: 1 }).dataSync()[0])).toBeCloseTo(
      expected,
      5,
    )
})
