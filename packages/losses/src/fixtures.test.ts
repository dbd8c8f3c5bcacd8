import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-layers' // registers the gradients
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import cases from './fixtures/losses.json' with { type: 'json' }
import * as losses from './index.js'

type M = tf.Tensor2D
type Loss = (...args: unknown[]) => tf.Scalar
const softmax = (x: unknown) => tf.softmax(x as tf.Tensor2D)
const functions: Record<string, Loss> = {
  ...(losses as unknown as Record<string, Loss>),
  iic: (z1, z2, options) => losses.iic(softmax(z1), softmax(z2), options as losses.IicOptions),
  'infoNce queue': (q, k, negatives) => losses.infoNce(q as M, k as M, { negatives: negatives as M }),
  'infoNce several': (q, k, negatives) => losses.infoNce(q as M, k as M, { negatives: negatives as M }),
}

/** Largest difference, relative to the largest value wanted. */
function difference(got: ArrayLike<number>, wanted: readonly number[]): number {
  expect(got.length).toBe(wanted.length)
  const scale = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  return wanted.reduce((most, value, i) => Math.max(most, Math.abs(got[i]! - value)), 0) / scale
}

// Made by fixtures/make_losses.py with lightly, pytorch-metric-learning and torch's autograd.
describe.each(testEngines())('on %s, as the reference code', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })

  test.each(cases.map((each) => [`${each.name} ${JSON.stringify(each.options)}`, each] as const))(
    '%s',
    (_, { name, options, inputs, constants, value, gradients }) => {
      const before = tf.memory().numTensors
      const [inputTensors, constantTensors] = [inputs, constants].map((list) =>
        list.map(({ shape, values }) => tf.tensor(values, shape)),
      )
      const loss = functions[name]!
      const result = tf.valueAndGrads((...tensors: tf.Tensor[]) =>
        loss(...tensors, ...constantTensors!, options),
      )(inputTensors!)
      expect(difference(result.value.dataSync(), [value])).toBeLessThan(1e-5)
      result.grads.forEach((gradient, i) => {
        expect(difference(gradient.dataSync(), gradients[i]!)).toBeLessThan(1e-5)
      })
      tf.dispose([inputTensors!, constantTensors!, result.value, result.grads])
      expect(tf.memory().numTensors).toBe(before)
    },
  )
})
