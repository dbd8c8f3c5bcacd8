import { convnet, visionTransformer } from '@selfsup/backbones'
import { encoderOf } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { methodEngines, testEngines } from '../../../tooling/vitest/engines.js'
import { autoencoder, crossEntropy, definition, denoising } from './autoencoder.js'
import { corrupt, exactPart } from './corruption.js'
import { learn, smoothImages, stepOf } from './fixtures/tiny.js'
import { toPixels } from './pixels.js'

const small = { size: 16, widths: [4, 8] } as const
const seed = (a = 5) => tf.tensor1d([a, 6], 'int32')
const value = (x: tf.Tensor) => x.dataSync()[0]!

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

  test('the loss is the error of the decoded code', () => {
    const backbone = convnet(small)
    const method = autoencoder(backbone, { latent: 6, width: 4, features: 'code' })
    tf.tidy(() => {
      const views = method.views(smoothImages(4), stepOf())
      expect(views.input).toBe(views.target)
      const { code, decoder } = method.networks
      expect(code!.inputs[0]!.shape).toEqual([null, 8, 8, 8])
      const { loss, metrics, features } = method.loss(views, stepOf(), undefined)
      expect((features as tf.Tensor).shape).toEqual([4, 8])
      // The same computed by hand from the feature map.
      const places = layersUpTo(backbone, views.input)
      const made = decoder!.apply(code!.apply(places), { training: true }) as tf.Tensor4D
      expect(made.shape).toEqual([4, 16, 16, 3])
      expect(value(loss)).toBeCloseTo(value(tf.mean(tf.squaredDifference(made, views.target))), 4)
      const std = tf.tensor1d([0.229, 0.224, 0.225])
      const inPixels = tf.mul(tf.sub(made, views.target), std)
      expect(value(metrics!.error!)).toBeCloseTo(value(tf.mean(tf.square(inPixels))), 5)
      expect(encoderOf(method)(views.target).shape).toEqual([4, 6])
    })
    method.dispose()
    backbone.dispose()
  })

  test.each([
    ['squared', 0.05],
    ['cross-entropy', 0.3],
  ] as const)('%s: a few steps lower the loss', (loss, rate) => {
    const backbone = convnet({ ...small, channels: 1 })
    const method = definition.create(backbone, { loss, latent: 8, width: 4 })
    const losses = tf.tidy(() => learn(method, 5, rate, smoothImages(4, { channels: 1 })))
    expect(losses.at(-1)).toBeLessThan(losses[0]! * 0.99)
    tf.tidy(() => {
      const shown = method.samples!(method.views(smoothImages(2, { channels: 1 }), stepOf()), stepOf())
      expect(shown.reconstructions!.shape).toEqual([2, 16, 32, 1])
      const values = shown.reconstructions!.dataSync()
      expect(Math.min(...values)).toBeGreaterThanOrEqual(0)
      expect(Math.max(...values)).toBeLessThanOrEqual(1)
    })
    method.dispose()
    backbone.dispose()
  })

  test('cross-entropy of one pixel by hand, and for large logits', () => {
    tf.tidy(() => {
      const of = (logit: number, pixel: number) =>
        value(crossEntropy(tf.tensor1d([logit]), tf.tensor1d([pixel])))
      const p = 1 / (1 + Math.exp(-1.5))
      expect(of(1.5, 0.25)).toBeCloseTo(-(0.25 * Math.log(p) + 0.75 * Math.log(1 - p)), 5)
      expect(of(200, 0)).toBeCloseTo(200, 3)
      expect(of(-200, 0)).toBeCloseTo(0, 5)
      const gradient = tf.grad((x) => crossEntropy(x, tf.tensor1d([0.25])))(tf.tensor1d([1.5]))
      expect(value(gradient)).toBeCloseTo(p - 0.25, 5)
    })
  })

  test('a vision transformer has no feature map: the code is computed from its features', () => {
    const backbone = visionTransformer('vit', { size: 8 }, { width: 16, depth: 1, heads: 1 })
    const method = autoencoder(backbone, { latent: 5, width: 4 })
    tf.tidy(() => {
      const views = method.views(smoothImages(2, { size: 8 }), stepOf())
      expect(Number.isFinite(value(method.loss(views, stepOf(), undefined).loss))).toBe(true)
      expect(encoderOf(method)(views.target).shape).toEqual([2, 16])
    })
    method.dispose()
    backbone.dispose()
  })

  test('denoising corrupts the input but not the target, and reports both errors', () => {
    const backbone = convnet(small)
    const method = denoising(backbone, { latent: 4, width: 2, level: 0.5, flip: 0 })
    tf.tidy(() => {
      const batch = smoothImages(8)
      const views = method.views(batch, stepOf())
      const clean = toPixels(views.target, method.normalisation!)
      expect(value(tf.max(tf.abs(tf.sub(clean, tf.div(batch.images, 255)))))).toBeLessThan(1e-4)
      const noise = tf.sub(toPixels(views.input, method.normalisation!), clean)
      expect(value(tf.mean(tf.square(noise)))).toBeCloseTo(0.25, 1)
      const { metrics } = method.loss(views, stepOf(), undefined)
      expect(value(metrics!.inputError!)).toBeCloseTo(value(tf.mean(tf.square(noise))), 4)
      expect(method.samples!(views, stepOf()).denoised!.shape).toEqual([8, 16, 48, 3])
    })
    method.dispose()
    backbone.dispose()
  })

  test('exactPart marks the same number of places in each row, uniformly', () => {
    tf.tidy(() => {
      for (const part of [0, 0.1, 0.25, 0.75, 1]) {
        const marked = exactPart(50, 64, part, seed())
        expect([...tf.sum(marked, 1).dataSync()]).toEqual(Array(50).fill(Math.round(64 * part)))
      }
      const often = tf.mean(exactPart(2000, 16, 0.25, seed()), 0).dataSync()
      for (const share of often) expect(share).toBeCloseTo(0.25, 1)
    })
  })

  test('corrupt: noise with the given deviation, black pixels, black and white pixels', () => {
    tf.tidy(() => {
      const grey = tf.fill([20, 16, 16, 3], 0.5) as tf.Tensor4D
      const noise = tf.sub(corrupt(grey, 'gaussian', 0.2, seed()), grey)
      expect(Math.sqrt(value(tf.mean(tf.square(noise))))).toBeCloseTo(0.2, 2)
      expect(value(tf.mean(noise))).toBeCloseTo(0, 2)

      const colours = (x: tf.Tensor4D) => {
        const rows = x.arraySync().flat(2)
        const count = (...rgb: number[]) => rows.filter((row) => row.every((v, i) => v === rgb[i])).length
        return { black: count(0, 0, 0), white: count(1, 1, 1), left: count(0.5, 0.5, 0.5) }
      }
      expect(colours(corrupt(grey, 'masking', 0.25, seed()))).toEqual({ black: 1280, white: 0, left: 3840 })
      const salted = colours(corrupt(grey, 'salt-and-pepper', 0.5, seed()))
      expect(salted.left).toBe(2560)
      expect(salted.black / 2560).toBeCloseTo(0.5, 1)
      expect(salted.black + salted.white).toBe(2560)
    })
  })
})

/** The backbone's feature map in training mode, layer by layer. */
function layersUpTo(backbone: ReturnType<typeof convnet>, x: tf.Tensor): tf.Tensor {
  return backbone.layers.slice(1, -1).reduce((y, layer) => layer.apply(y, { training: true }) as tf.Tensor, x)
}

test('invalid options are rejected when the method is created', async () => {
  await prepareEngine({ engine: testEngines()[0] })
  const backbone = convnet(small)
  expect(() => autoencoder(backbone, { latent: 0 })).toThrow(
    "autoencoder's option latent must be a whole number of at least 1; got 0",
  )
  expect(() => denoising(backbone, { level: 0 })).toThrow(
    "denoising's option level must be a number from 0.001 to 1; got 0",
  )
  expect(() => denoising(backbone, { corruption: 'salt' as 'masking' })).toThrow(
    'one of gaussian, masking, salt-and-pepper; got "salt"',
  )
  backbone.dispose()
})
