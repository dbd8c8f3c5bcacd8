import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import { layers, sequential } from '@tensorflow/tfjs-layers'
import { beforeAll, expect, test } from 'vitest'
import { namedWeights, trainableWeights, weightNames } from './weight-names.js'

beforeAll(async () => {
  await tf.setBackend('cpu')
})

const model = () =>
  sequential({
    layers: [
      layers.dense({ units: 3, inputShape: [4] }),
      layers.batchNormalization({ name: 'bn' }),
      layers.dense({ units: 2, useBias: false }),
    ],
  })

const expected = [
  'net/dense_Dense1/kernel',
  'net/dense_Dense1/bias',
  'net/bn/gamma',
  'net/bn/beta',
  'net/dense_Dense2/kernel',
  'net/bn/moving_mean',
  'net/bn/moving_variance',
]

test('names do not depend on models created earlier in the process', () => {
  for (let i = 0; i < 3; i++)
    expect([...weightNames({ net: model() }).keys()].sort()).toEqual([...expected].sort())
})

test('trainableWeights returns the weights that the model trains, by the same names', () => {
  const net = model()
  expect(Object.keys(trainableWeights({ net })).sort()).toEqual(expected.slice(0, 5).sort())
  net.layers[0]!.trainable = false
  expect(Object.keys(trainableWeights({ net })).sort()).toEqual(expected.slice(2, 5).sort())
  expect([...weightNames({ net }).keys()].sort()).toEqual([...expected].sort())
})

test('lists a weight that two networks share once, and different weights of equal name separately', () => {
  const net = model()
  expect([...weightNames({ net, again: net }).keys()]).toHaveLength(7)
  expect([...weightNames({ net, other: model() }).keys()]).toHaveLength(14)
})

test('namedWeights returns the variables that the layers read', () => {
  const net = model()
  const names = namedWeights({ net })
  expect([...names.keys()]).toEqual([...weightNames({ net }).keys()])
  expect(names.get('net/dense_Dense2/kernel')).toBe(net.layers[2]!.weights[0])
})
