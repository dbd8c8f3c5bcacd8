import { convnet } from '@selfsup/backbones'
import { encoderOf } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { methodEngines, testEngines } from '../../../tooling/vitest/engines.js'
import { type Context, contextEncoder } from './context-encoder.js'
import { learn, smoothImages, stepOf } from './fixtures/tiny.js'
import { centreHole, holeError, meanColour, randomHoles } from './holes.js'

const small = { size: 16, widths: [4, 8] } as const
const tiny = { latent: 8, width: 4, discriminatorWidth: 2 } as const
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

  test('a hole in the centre covers a quarter of the image; random holes cover at most a quarter', () => {
    tf.tidy(() => {
      const centre = centreHole(2, 8, 4)
      const [first] = tf.unstack(tf.squeeze(centre, [3])) as [tf.Tensor2D]
      const row = [0, 0, 1, 1, 1, 1, 0, 0]
      const empty = Array(8).fill(0)
      expect(first.arraySync()).toEqual([empty, empty, row, row, row, row, empty, empty])
      const holes = randomHoles(200, 16, 4, 4, tf.tensor1d([1, 2], 'int32'))
      const areas = [...tf.sum(holes, [1, 2, 3]).dataSync()]
      expect(Math.max(...areas)).toBeLessThanOrEqual(64)
      expect(Math.min(...areas)).toBeGreaterThanOrEqual(16)
      expect(new Set(areas).size).toBeGreaterThan(10)
      // Every position is covered, the corners by few holes.
      expect(value(tf.min(tf.sum(holes, 0)))).toBeGreaterThan(0)
      expect([...new Set(holes.dataSync())].sort()).toEqual([0, 1])
    })
  })

  test('holeError by hand; its gradient is zero outside of holes', () => {
    tf.tidy(() => {
      const hole = tf.tensor4d([1, 0, 0, 1], [1, 2, 2, 1])
      const made = tf.tensor4d([1, 9, 9, 3], [1, 2, 2, 1])
      const target = tf.tensor4d([0, 0, 0, 1], [1, 2, 2, 1])
      expect(value(holeError(made, target, hole))).toBeCloseTo((1 + 4) / 2, 6)
      const gradient = tf.grad((x) => holeError(x as tf.Tensor4D, target, hole))(made)
      expect([...gradient.dataSync()]).toEqual([1, 0, 0, 2])
      const seen = tf.tensor4d([5, 1, 3, 7], [1, 2, 2, 1])
      expect(value(meanColour(seen, hole))).toBe(2)
    })
  })

  test.each(['centre', 'random'] as const)('%s: the content of the hole is not visible', (hole) => {
    const backbone = convnet(small)
    const method = contextEncoder(backbone, { ...tiny, hole, adversarial: 0 })
    tf.tidy(() => {
      const { images: x, hole: where } = method.views(smoothImages(4), stepOf())
      const other = tf.add(x, tf.mul(where, 3)) as tf.Tensor4D
      const of = (images: tf.Tensor4D) => method.inpaint({ images, hole: where })
      const [filled, alike] = [of(x), of(other)]
      expect(largest(tf.sub(filled, alike))).toBe(0)
      expect(largest(tf.mul(tf.sub(filled, x), tf.sub(1, where)))).toBe(0)
      expect(largest(tf.mul(tf.sub(filled, x), where))).toBeGreaterThan(0.1)
    })
    method.dispose()
    backbone.dispose()
  })

  test.each(['centre', 'random'] as const)('%s: a few steps lower the error', (hole) => {
    const backbone = convnet(small)
    const method = contextEncoder(backbone, { ...tiny, hole, adversarial: 0 })
    expect(method.phases).toBeUndefined()
    const losses = tf.tidy(() => learn(method, 5, 0.3))
    expect(losses.at(-1)).toBeLessThan(losses[0]! * 0.99)
    method.dispose()
    backbone.dispose()
  })

  test.each([
    ['centre', 8],
    ['random', 16],
  ] as const)('%s: the discriminator sees %i pixels, and the options weigh the two losses', (hole, side) => {
    const backbone = convnet(small)
    const method = contextEncoder(backbone, { ...tiny, hole, adversarial: 0.25 })
    const { discriminator } = method.networks
    expect(discriminator!.inputs[0]!.shape).toEqual([null, side, side, 3])
    expect(method.phases).toEqual({
      discriminator: ['discriminator'],
      inpainting: ['backbone', 'code', 'decoder'],
    })
    tf.tidy(() => {
      const views = method.views(smoothImages(4), stepOf('inpainting'))
      const { loss, metrics } = method.loss(views, stepOf('inpainting'), undefined)
      const plain = reconstructionLoss(method, views)
      // The loss without the reconstruction: -log of the discriminator's probability of the filling.
      const deceived = (value(loss) - 0.75 * plain) / 0.25
      expect(deceived).toBeGreaterThan(0.1)
      expect(deceived).toBeLessThan(5)
      expect(value(metrics!.meanError!)).toBeGreaterThan(0)

      const step = stepOf('discriminator')
      const targets = method.targets!(views, step)!
      expect(targets.made.shape).toEqual([4, side, side, 3])
      const shown = method.loss(views, step, targets)
      expect(value(shown.loss)).toBeGreaterThan(0.1)
      expect(value(shown.metrics!.accuracy!)).toBeLessThanOrEqual(1)
      expect(method.targets!(views, stepOf('inpainting'))).toBeUndefined()
      expect(method.samples!(views, step).inpainting!.shape).toEqual([4, 16, 48, 3])
      expect(encoderOf(method)(views.images).shape).toEqual([4, 8])
      const rates = { scheduled: tf.scalar(1), highest: tf.scalar(1), optimizer: 'adamw' } as const
      expect(value(method.groups!.discriminator!.learningRate!(rates, step))).toBeCloseTo(0.1, 6)
    })
    method.dispose()
    backbone.dispose()
  })
})

/** The reconstruction's part of the loss. */
function reconstructionLoss(method: ReturnType<typeof contextEncoder>, views: Context): number {
  return tf.tidy(() => {
    const { images, hole } = views
    const seen = tf.mul(images, tf.sub(1, hole)) as tf.Tensor4D
    const { backbone, code, decoder } = method.networks
    const places = backbone.layers
      .slice(1, -1)
      .reduce((y: tf.Tensor, layer) => layer.apply(y, { training: true }) as tf.Tensor, seen)
    const made = decoder!.apply(code!.apply(places), { training: true }) as tf.Tensor4D
    const side = made.shape[1]
    const pad = (16 - side) / 2
    const whole = tf.pad(made, [
      [0, 0],
      [pad, pad],
      [pad, pad],
      [0, 0],
    ])
    return value(holeError(whole as tf.Tensor4D, images, hole))
  })
}

test('invalid options are rejected when the method is created', async () => {
  await prepareEngine({ engine: testEngines()[0] })
  const backbone = convnet(small)
  expect(() => contextEncoder(backbone, { hole: 'random', part: 0.01, holes: 99 })).toThrow(
    'context-encoder: 99 holes of 0.01 of an image of 16 pixels would have a side of 0; set another part',
  )
  expect(() => contextEncoder(backbone, { part: 0.1 })).toThrow(
    'the discriminator needs inputs of at least 8 pixels, and of 4 to 7 times a power of 2; got 5 pixels',
  )
  backbone.dispose()
})
