import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { convnet } from './convnet.js'
import { featureMaps } from './feature-maps.js'
import { resnet18 } from './resnet.js'
import { vitTiny } from './vit.js'

beforeAll(async () => {
  await prepareEngine({ engine: testEngines()[0]! })
})

test('featureMaps returns the last maps of the coarsest resolutions, whose mean is the features', () => {
  for (const [backbone, shapes] of [
    [
      convnet({ size: 16, widths: [4, 6, 8] }),
      [
        [2, 8, 8, 6],
        [2, 4, 4, 8],
      ],
    ],
    [
      resnet18({ size: 32 }),
      [
        [2, 8, 8, 256],
        [2, 4, 4, 512],
      ],
    ],
  ] as const) {
    const size = backbone.inputs[0]!.shape[1]!
    tf.tidy(() => {
      const images = tf.randomNormal([2, size, size, 3])
      const maps = featureMaps(backbone)!.apply(images, { training: false }) as tf.Tensor4D[]
      expect(maps.map(({ shape }) => shape)).toEqual(shapes)
      const features = backbone.apply(images, { training: false }) as tf.Tensor2D
      const difference = tf.max(tf.abs(tf.sub(tf.mean(maps[1]!, [1, 2]), features))).dataSync()[0]
      expect(difference).toBeLessThan(1e-5)
    })
    backbone.dispose()
  }
})

test('featureMaps returns undefined if the backbone does not end in a map or has too few', () => {
  expect(featureMaps(vitTiny({ size: 8 }))).toBeUndefined()
  expect(featureMaps(convnet({ size: 8, widths: [4] }))).toBeUndefined()
})
