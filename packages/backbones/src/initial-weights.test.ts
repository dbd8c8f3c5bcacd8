import { prepareEngine } from '@selfsup/engine'
import * as tfl from '@tensorflow/tfjs-layers'
import { beforeAll, expect, test } from 'vitest'
import { convnet } from './convnet.js'
import { initialise } from './initial-weights.js'

beforeAll(async () => {
  await prepareEngine({ engine: 'wasm' })
})

/** The largest absolute value of a layer's weight. */
function largest(layer: tfl.layers.Layer, name: string): number {
  const weight = layer.weights.find(({ originalName }) => originalName.endsWith(`/${name}`))!
  return Math.max(...[...weight.read().dataSync()].map(Math.abs))
}

// Fan in: 3 * 3 * 8 for both kernel layouts, 3 * 3 for one channel, 20 units.
test.each([
  ['a convolution', [6, 6, 8], () => tfl.layers.conv2d({ filters: 32, kernelSize: 3 }), 'kernel', 72],
  ['its bias', [6, 6, 8], () => tfl.layers.conv2d({ filters: 512, kernelSize: 3 }), 'bias', 72],
  [
    'a transposed one',
    [6, 6, 8],
    () => tfl.layers.conv2dTranspose({ filters: 32, kernelSize: 3 }),
    'kernel',
    72,
  ],
  ['its bias', [6, 6, 8], () => tfl.layers.conv2dTranspose({ filters: 512, kernelSize: 3 }), 'bias', 72],
  ['a depthwise one', [6, 6, 64], () => tfl.layers.depthwiseConv2d({ kernelSize: 3 }), 'depthwise_kernel', 9],
  ['a dense layer', [50], () => tfl.layers.dense({ units: 30 }), 'kernel', 50],
  ['a GRU', [7, 3], () => tfl.layers.gru({ units: 20, recurrentInitializer: 'zeros' }), 'kernel', 20],
  [
    'its recurrence',
    [7, 3],
    () => tfl.layers.gru({ units: 20, recurrentInitializer: 'zeros' }),
    'recurrent_kernel',
    20,
  ],
] as const)('%s begins uniform within 1 / sqrt(fan in)', (_, inputShape, make, weight, fanIn) => {
  const input = tfl.input({ shape: [...inputShape] })
  const layer = make()
  const model = initialise(
    tfl.model({ inputs: input, outputs: layer.apply(input) as tfl.SymbolicTensor }),
    3,
    'default',
  )
  const bound = 1 / Math.sqrt(fanIn)
  expect(largest(layer, weight)).toBeLessThanOrEqual(bound)
  expect(largest(layer, weight)).toBeGreaterThan(0.9 * bound)
  model.dispose()
})

test('the same seed draws the same weights, including frozen layers', () => {
  const draw = (trainable: boolean) => {
    const layers = [
      tfl.layers.dense({ units: 4, inputShape: [3], trainable }),
      tfl.layers.dense({ units: 2, name: 'last' }),
    ]
    const model = initialise(tfl.sequential({ layers }), 7, 'default')
    const drawn = layers.flatMap((layer) => layer.getWeights().map((weight) => [...weight.dataSync()]))
    model.dispose()
    return drawn
  }
  expect(draw(false)).toEqual(draw(true))
})

test('images have any number of channels, at least one', () => {
  const lab = convnet({ size: 8, channels: 2, widths: [4] })
  expect(lab.inputs[0]!.shape).toEqual([null, 8, 8, 2])
  lab.dispose()
  expect(() => convnet({ size: 8, channels: 0 })).toThrow(
    'convnet: channels must be a whole number of at least 1; got 0',
  )
})
