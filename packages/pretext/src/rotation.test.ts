import { rotateQuarters } from '@selfsup/augment'
import { convnet } from '@selfsup/backbones'
import { uniforms } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { stepOf } from '../../../tooling/vitest/batches.js'
import { methodEngines, testEngines } from '../../../tooling/vitest/engines.js'
import { classification } from './classification.js'
import { fourTurns, rotation } from './rotation.js'

/** Images with a bright upper half, so that their rotation is visible. */
function brightAtTop(count: number, channels: 1 | 3 = 3) {
  const values = Int32Array.from(uniforms([1, 2], count * 16 * 16 * channels), (u, i) => {
    const row = Math.floor(i / (16 * channels)) % 16
    return Math.floor(u * 100 + (row < 8 ? 150 : 0))
  })
  return {
    images: tf.tensor4d(values, [count, 16, 16, channels], 'int32'),
    labels: tf.fill([count], -1, 'int32') as tf.Tensor1D,
    indices: tf.range(0, count, 1, 'int32'),
  }
}

describe.each(methodEngines())('rotation on %s', (engine) => {
  const small = { widths: [4, 8], size: 16 } as const
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

  test('fourTurns of a known image, with labels', () => {
    tf.tidy(() => {
      const image = tf.tensor4d([1, 2, 3, 4], [1, 2, 2, 1])
      const { images, labels } = fourTurns(tf.concat([image, tf.mul(image, 10)]) as tf.Tensor4D)
      expect([...labels.dataSync()]).toEqual([0, 0, 1, 1, 2, 2, 3, 3])
      const turned = tf.unstack(tf.reshape(images, [8, 4])).map((row) => [...row.dataSync()])
      // 1 2   2 4   4 3   3 1
      // 3 4   1 3   2 1   4 2
      expect([0, 2, 4, 6].map((i) => turned[i])).toEqual([
        [1, 2, 3, 4],
        [2, 4, 1, 3],
        [4, 3, 2, 1],
        [3, 1, 4, 2],
      ])
      expect([1, 3, 5, 7].map((i) => turned[i])).toEqual(
        [0, 2, 4, 6].map((i) => turned[i]!.map((x) => 10 * x)),
      )
    })
  })

  test('four quarter turns restore the image, and successive turns add up', () => {
    tf.tidy(() => {
      const images = tf.randomNormal([3, 5, 5, 2], 0, 1, 'float32', 1) as tf.Tensor4D
      const quarter = (x: tf.Tensor4D) => tf.split(fourTurns(x).images, 4)[1] as tf.Tensor4D
      const once = quarter(images)
      const twice = quarter(once)
      const { images: turned } = fourTurns(images)
      expect(tf.concat([images, once, twice, quarter(twice)]).dataSync()).toEqual(turned.dataSync())
      expect(quarter(quarter(twice)).dataSync()).toEqual(images.dataSync())
      const { labels } = fourTurns(images)
      expect(rotateQuarters(tf.tile(images, [4, 1, 1, 1]), labels).dataSync()).toEqual(turned.dataSync())
    })
  })

  test('views are the four rotations of each image; the same seed gives the same views', () => {
    const backbone = convnet(small)
    const method = rotation(backbone, { minScale: 1, flip: 0 })
    tf.tidy(() => {
      const batch = brightAtTop(3)
      const [views, again] = [method.views(batch, stepOf()), method.views(batch, stepOf())]
      expect([views.images.shape, views.images.dtype]).toEqual([[12, 16, 16, 3], 'float32'])
      expect(again.images.dataSync()).toEqual(views.images.dataSync())
      const { mean, std } = method.normalisation!
      const plain = tf.div(tf.sub(tf.div(batch.images, 255), [...mean]), [...std])
      const first = tf.slice(views.images, 0, 3)
      expect(tf.max(tf.abs(tf.sub(first, plain))).dataSync()[0]).toBeLessThan(1e-4)
    })
    method.dispose()
    backbone.dispose()
  })

  test('grayscale images are rotated but not flipped; large images arrive as crops', () => {
    const backbone = convnet({ ...small, channels: 1 })
    const method = rotation(backbone, { hidden: 6 }, { seed: 3 })
    expect(method.crops).toEqual([{ size: 16, scale: [0.5, 1], ratio: [3 / 4, 4 / 3], stream: 0 }])
    expect(method.networks.classifier!.outputs[0]!.shape).toEqual([null, 4])
    tf.tidy(() => {
      const { images, ...batch } = brightAtTop(2, 1)
      for (const given of [{ images }, { crops: [images] }])
        expect(method.views({ ...given, ...batch }, stepOf()).images.shape).toEqual([8, 16, 16, 1])
    })
    method.dispose()
    backbone.dispose()
  })

  test('classification of known logits: cross-entropy and accuracy', () => {
    tf.tidy(() => {
      const logits = tf.tensor2d([
        [0, 0],
        [Math.log(3), 0],
        [0, Math.log(3)],
      ])
      const { loss, accuracy } = classification(logits, tf.tensor1d([0, 0, 0], 'int32'))
      // 1/2, 3/4 and 1/4 are the probabilities of the right answers.
      expect(loss.dataSync()[0]).toBeCloseTo(-Math.log((1 / 2) * (3 / 4) * (1 / 4)) / 3, 5)
      expect(accuracy.dataSync()[0]).toBeCloseTo(2 / 3, 6)
      expect(() => classification(logits, tf.tensor1d([0, 1], 'int32'))).toThrow('3 tasks; got 2')
    })
  })
})

describe('settings that do not fit are rejected when the method is created', () => {
  beforeAll(async () => {
    await prepareEngine({ engine: testEngines()[0] })
  })

  test('options out of range and backbones of other shapes', () => {
    const backbone = convnet({ size: 8, widths: [4] })
    expect(() => rotation(backbone, { minScale: 0 })).toThrow(
      'minScale must be a number from 0.01 to 1; got 0',
    )
    expect(() => rotation(backbone, { flip: 'maybe' } as object)).toThrow('a number from 0 to 1, or auto')
    backbone.dispose()
    const input = tfl.input({ shape: [8, 6, 3] })
    const oblong = tfl.model({
      inputs: input,
      outputs: tfl.layers.flatten().apply(input) as tfl.SymbolicTensor,
    })
    expect(() => rotation(oblong)).toThrow('rotation: the backbone must take square images')
    const maps = tfl.input({ shape: [8, 8, 3] })
    const unpooled = tfl.model({
      inputs: maps,
      outputs: tfl.layers.activation({ activation: 'relu' }).apply(maps) as tfl.SymbolicTensor,
    })
    expect(() => rotation(unpooled)).toThrow('rotation: the backbone must return [batch, features]')
  })
})
