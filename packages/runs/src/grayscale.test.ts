import { resolveOptions } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, expect, test } from 'vitest'
import { imageBatch, stepOf } from '../../../tooling/vitest/batches.js'
import { disposeMethod, makeMethod } from './make-method.js'
import { findMethod } from './registry.js'

beforeAll(() => prepareEngine({ engine: 'wasm' }))

test.each(['simclr', 'moco', 'byol', 'simsiam', 'barlow-twins', 'vicreg', 'diet'])(
  '%s: the option grayscale decides which views are grey',
  async (name) => {
    const definition = await findMethod(name)
    for (const [grayscale, grey] of [
      [0, 0],
      [1, 8],
    ] as const) {
      const method = await makeMethod({
        method: name,
        options: resolveOptions(definition, { grayscale, jitter: 0 }),
        imageShape: { size: 16, channels: 3 },
        backbone: 'convnet',
        seed: 1,
        imageCount: 8,
      })
      const { mean, std } = method.normalisation!
      const counts = tf.tidy(() => {
        const views = method.views(imageBatch(8), stepOf()) as tf.Tensor[] | { images: tf.Tensor }
        return ('images' in views ? [views.images] : views).map((view) => {
          const pixels = tf.add(tf.mul(view, std), mean)
          const spread = tf.sub(tf.max(pixels, 3), tf.min(pixels, 3))
          return tf.sum(tf.cast(tf.less(tf.max(spread, [1, 2]), 1e-4), 'int32')).dataSync()[0]
        })
      })
      expect(counts).toEqual(name === 'diet' ? [grey] : [grey, grey])
      disposeMethod(method)
    }
  },
)
