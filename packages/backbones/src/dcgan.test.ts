import { prepareEngine } from '@selfsup/engine'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { beforeAll, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { countHalvings, dcgan } from './dcgan.js'
import { fullyConnected } from './fully-connected.js'

beforeAll(async () => {
  await prepareEngine({ engine: testEngines()[0] })
})

test.each([
  [28, 2],
  [32, 3],
  [64, 4],
  [96, 4],
  [8, 1],
  [4, undefined],
  [30, undefined],
  [31, undefined],
])('%i pixels are halved %s times', (size, halvings) => {
  expect(countHalvings(size)).toBe(halvings)
})

test('dcgan halves to 4 to 7 pixels, doubles the filters each time, and ends in a linear layer', () => {
  const model = dcgan({ size: 28, channels: 1, width: 8, features: 10 })
  expect(model.getLayer('stage2/relu').outputShape).toEqual([null, 7, 7, 16])
  expect(model.outputs[0]!.shape).toEqual([null, 10])
  model.dispose()
})

test('normalisations of fullyConnected learn no scale and shift, those of dcgan do', () => {
  const learned = (model: LayersModel) => {
    const names = model.trainableWeights.map(({ originalName }) => originalName)
    model.dispose()
    return names
  }
  expect(learned(fullyConnected({ size: 4, widths: [8, 6] }))).toEqual([
    '1/linear/kernel',
    '1/linear/bias',
    '2/linear/kernel',
  ])
  expect(learned(dcgan({ size: 28, width: 2 })).filter((name) => /gamma|beta/.test(name))).toHaveLength(2)
})

test('rejects sizes that halving does not support, and empty widths', () => {
  expect(() => dcgan({ size: 30 })).toThrow('got 30; use a size such as 28')
  expect(() => dcgan({ size: 32, width: 0 })).toThrow(
    'dcgan: width must be a whole number of at least 1; got 0',
  )
  expect(() => fullyConnected({ size: 4, widths: [8, 0] })).toThrow('got [8,0]')
  expect(() => fullyConnected({ size: 4, widths: [] })).toThrow(
    'widths must be whole numbers of at least 1; got []',
  )
})
