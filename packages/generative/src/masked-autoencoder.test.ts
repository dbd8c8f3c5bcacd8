import { convnet, visionTransformer } from '@selfsup/backbones'
import { encoderOf, type Method } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { methodEngines, testEngines } from '../../../tooling/vitest/engines.js'
import { learn, smoothImages, stepOf } from './fixtures/tiny.js'
import { maskedAutoencoder, maskedError } from './masked-autoencoder.js'
import { maskPatches, normalisePatches, patchify, unpatchify } from './patches.js'
import { sineCosinePositions } from './sine-cosine-positions.js'

const vit = () => visionTransformer('vit', { size: 16, patchSize: 4 }, { width: 32, depth: 2, heads: 2 })
const value = (x: tf.Tensor) => x.dataSync()[0]!
const largest = (x: tf.Tensor) => value(tf.max(tf.abs(x)))

describe.each(methodEngines())('on %s', (engine) => {
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

  test('patchify splits a 4x4 image row by row, and unpatchify restores it', () => {
    tf.tidy(() => {
      const image = tf.reshape(tf.range(0, 16), [1, 4, 4, 1]) as tf.Tensor4D
      const patches = patchify(image, 2)
      expect(patches.arraySync()).toEqual([
        [
          [0, 1, 4, 5],
          [2, 3, 6, 7],
          [8, 9, 12, 13],
          [10, 11, 14, 15],
        ],
      ])
      expect(largest(tf.sub(unpatchify(patches, 2), image))).toBe(0)
      const colour = tf.reshape(tf.range(0, 6 * 6 * 3 * 2), [2, 6, 6, 3]) as tf.Tensor4D
      expect(largest(tf.sub(unpatchify(patchify(colour, 3), 3), colour))).toBe(0)
    })
  })

  test('masks exactly three quarters, each patch equally often', () => {
    tf.tidy(() => {
      const { visible, hidden } = maskPatches(2000, 16, 4, tf.tensor1d([3, 4], 'int32'))
      expect(visible.shape).toEqual([2000, 4, 16])
      expect([...new Set(tf.sum(hidden, 1).dataSync())]).toEqual([12])
      expect([...new Set(tf.sum(visible, 2).dataSync())]).toEqual([1])
      expect(largest(tf.sub(tf.add(tf.sum(visible, 1), hidden), 1))).toBe(0)
      for (const share of tf.mean(hidden, 0).dataSync()) expect(share).toBeCloseTo(0.75, 1)
    })
  })

  test('normalises each patch by its mean and unbiased variance', () => {
    tf.tidy(() => {
      const values = [...normalisePatches(tf.tensor3d([1, 2, 3, 6], [1, 1, 4])).dataSync()]
      const deviation = Math.sqrt((4 + 1 + 0 + 9) / 3)
      for (const [i, off] of [-2, -1, 0, 3].entries()) expect(values[i]).toBeCloseTo(off / deviation, 5)
      expect(largest(normalisePatches(tf.ones([1, 1, 4])))).toBe(0)
    })
  })

  test('the loss and its gradient depend only on masked patches', () => {
    tf.tidy(() => {
      const made = tf.tensor3d([1, 1, 5, 5, 0, 2], [1, 3, 2])
      const target = tf.zeros([1, 3, 2]) as tf.Tensor3D
      const hidden = tf.tensor2d([1, 0, 1], [1, 3])
      expect(value(maskedError(made, target, hidden))).toBeCloseTo((1 + 2) / 2, 6)
      const gradient = tf.grad((x) => maskedError(x as tf.Tensor3D, target, hidden))(made)
      expect([...gradient.dataSync()]).toEqual([0.5, 0.5, 0, 0, 0, 1])
    })
  })

  test('encoder and decoder do not depend on the pixels of masked patches', () => {
    const backbone = vit()
    const method = maskedAutoencoder(backbone, { decoderDepth: 1 })
    tf.tidy(() => {
      const views = method.views(smoothImages(3), stepOf())
      const gaps = tf.tile(tf.expandDims(views.hidden, 2), [1, 1, 48]) as tf.Tensor3D
      const hole = unpatchify(gaps, 4)
      const featuresOf = (images: tf.Tensor4D) =>
        method.loss({ ...views, images }, stepOf(), undefined).features as tf.Tensor
      const before = featuresOf(views.images)
      expect(before.shape).toEqual([3, 32])
      const elsewhere = featuresOf(tf.add(views.images, tf.mul(hole, 5)) as tf.Tensor4D)
      expect(largest(tf.sub(before, elsewhere))).toBe(0)
      const seen = featuresOf(tf.add(views.images, tf.sub(1, hole)) as tf.Tensor4D)
      expect(largest(tf.sub(before, seen))).toBeGreaterThan(1e-3)
      // The loss depends on them only through the target.
      const made = method.samples!(views, stepOf()).inpainting!
      expect(made.shape).toEqual([3, 16, 48, 3])
    })
    method.dispose()
    backbone.dispose()
  })

  test('features are the mean of all patches’ tokens, or the class token', () => {
    const [one, other] = [vit(), vit()]
    const mean = maskedAutoencoder(one, { decoderDepth: 0 })
    const token = maskedAutoencoder(other, { decoderDepth: 0, features: 'class-token' })
    tf.tidy(() => {
      const { images: x } = mean.views(smoothImages(2), stepOf())
      expect(encoderOf(mean)(x).shape).toEqual([2, 32])
      const own = other.apply(x, { training: false }) as tf.Tensor
      expect(largest(tf.sub(encoderOf(token)(x), own))).toBe(0)
      expect(largest(tf.sub(encoderOf(mean)(x), own))).toBeGreaterThan(0.01)
    })
    for (const model of [mean, token, one, other]) model.dispose()
  })

  test('a few steps lower the loss, and change the mask token', () => {
    const backbone = vit()
    const method = maskedAutoencoder(backbone, { decoderDepth: 1 })
    tf.tidy(() => {
      const before = tf.clone(method.parameters!.maskToken!)
      const losses = learn(method as unknown as Method, 5, 0.3)
      expect(losses.at(-1)).toBeLessThan(losses[0]! * 0.99)
      expect(largest(tf.sub(method.parameters!.maskToken!, before))).toBeGreaterThan(1e-4)
    })
    method.dispose()
    backbone.dispose()
  })
})

test('positions: sines and cosines of the column, then of the row', () => {
  const positions = sineCosinePositions(3, 8)
  // Row 1, column 2, with rates 1 and 1/100.
  const expected = [2, 0.02].map(Math.sin).concat([2, 0.02].map(Math.cos))
  const rows = [1, 0.01].map(Math.sin).concat([1, 0.01].map(Math.cos))
  for (const [i, number] of [...expected, ...rows].entries())
    expect(positions[5 * 8 + i]).toBeCloseTo(number, 6)
  expect(() => sineCosinePositions(3, 6)).toThrow('width must be a multiple of 4')
})

test('invalid options are rejected when the method is created', async () => {
  await prepareEngine({ engine: testEngines()[0] })
  const [backbone, other] = [vit(), convnet({ size: 16, widths: [4] })]
  expect(() => maskedAutoencoder(other)).toThrow(
    'mae: the backbone must be a vision transformer, such as vit-tiny; got convnet',
  )
  expect(() => maskedAutoencoder(backbone, { masked: 0.01 })).toThrow(
    'mae: of 16 patches at least one must be visible and one masked; with masked=0.01, 16 are visible',
  )
  expect(() => maskedAutoencoder(backbone, { masked: 1 })).toThrow('from 0.01 to 0.99; got 1')
  expect(() => maskedAutoencoder(backbone, { decoderWidth: 40 })).toThrow('a multiple of 32; got 40')
  const odd = { size: 18, patchSize: 4 }
  expect(() => visionTransformer('vit', odd, { width: 32, depth: 1, heads: 1 })).toThrow(
    'vit: patchSize must be a whole number that divides the size; got patchSize 4, size 18',
  )
  backbone.dispose()
  other.dispose()
})
