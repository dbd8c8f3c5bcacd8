import { convnet } from '@selfsup/backbones'
import { prepareEngine } from '@selfsup/engine'
import { ntXent } from '@selfsup/losses'
import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { imageBatch, stepOf } from '../../../tooling/vitest/batches.js'
import { methodEngines } from '../../../tooling/vitest/engines.js'
import { simclr } from './simclr.js'

describe.each(methodEngines())('simclr on %s', (engine) => {
  let tensors: number
  beforeAll(async () => {
    await prepareEngine({ engine })
  })
  beforeEach(() => {
    tensors = tf.memory().numTensors
  })
  afterEach(() => {
    expect(tf.memory().numTensors).toBe(tensors)
  })
  const small = { widths: [4, 8], size: 16 } as const

  test('creates two different views of the backbone’s input size', () => {
    const backbone = convnet(small)
    const method = simclr(backbone)
    tf.tidy(() => {
      const batch = imageBatch(4)
      const [x1, x2] = method.views(batch, stepOf())
      expect(x1.shape).toEqual([4, 16, 16, 3])
      expect(x2.shape).toEqual([4, 16, 16, 3])
      expect(tf.max(tf.abs(tf.sub(x1, x2))).dataSync()[0]).toBeGreaterThan(0.1)
    })
    expect(method.crops).toHaveLength(2)
    method.dispose()
    backbone.dispose()
  })

  test('the loss is NT-Xent of both views’ embeddings, computed in one batch', () => {
    const backbone = convnet(small)
    const method = simclr(backbone, { temperature: 0.2 })
    tf.tidy(() => {
      const [x1, x2] = method.views(imageBatch(4), stepOf())
      const h = backbone.apply(tf.concat([x1, x2]), { training: true }) as tf.Tensor
      const z = method.networks.projector!.apply(h, { training: true }) as tf.Tensor2D
      const [z1, z2] = tf.split(z, 2) as [tf.Tensor2D, tf.Tensor2D]
      const { loss, features } = method.loss([x1, x2], stepOf())
      expect(loss.dataSync()[0]).toBeCloseTo(ntXent(z1, z2, { temperature: 0.2 }).dataSync()[0]!, 4)
      expect((features as tf.Tensor).shape).toEqual([4, 128])
    })
    method.dispose()
    backbone.dispose()
  })

  test.each([
    [{}, 8],
    [{ jitter: 0 }, 1],
  ])('%j: number of different reds in the views of one red image', (options, atLeast) => {
    const backbone = convnet(small)
    const method = simclr(backbone, { ...options, outputs: 8 })
    const drawn = tf.tidy(() => {
      const images = tf.tile(tf.tensor4d([200, 50, 20], [1, 1, 1, 3], 'int32'), [16, 16, 16, 1])
      const [x1] = method.views({ ...imageBatch(16), images }, stepOf())
      return [...tf.slice(x1, [0, 8, 8, 0], [16, 1, 1, 1]).dataSync()]
    })
    const reds = new Set(drawn.map((red) => red.toFixed(3)))
    // Without jitter there is only the red itself and the grey of the views that turned grey.
    expect(reds.size).toBeGreaterThanOrEqual(atLeast)
    if (atLeast === 1) expect(reds.size).toBeLessThanOrEqual(2)
    method.dispose()
    backbone.dispose()
  })
})
