import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { type Augmentation, augmentation } from './augmentation.js'
import { imagenetNormalisation } from './normalise.js'
import { anyOrientation } from './orientation.js'
import {
  anyOrientationViews,
  byolViews,
  grayViews,
  mocoV1Views,
  mocoV2Views,
  multiCropViews,
  simclrViews,
} from './presets.js'
import { previewViews } from './preview.js'

const identity = { mean: [0, 0, 0], std: [1, 1, 1] }
const whole = { size: 8, scale: [1, 1], ratio: [1, 1] } as const

function testImages(count: number, size = 12): tf.Tensor4D {
  const values = Int32Array.from(
    { length: count * size * size * 3 },
    (_, i) => (i * 7919 + (i % 5) * 31) % 256,
  )
  return tf.tensor4d(values, [count, size, size, 3], 'int32')
}

describe.each(testEngines())('augmentation on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })
  const seed = (n: number) => tf.tensor1d([11, n], 'int32')

  test.each([
    ['simclr', simclrViews({ size: 8 })],
    ['mocoV1', mocoV1Views({ size: 8 })],
    ['mocoV2', mocoV2Views({ size: 8 })],
    ['byol', byolViews({ size: 8 })],
    ['anyOrientation', anyOrientationViews({ size: 8 })],
    ['multiCrop', multiCropViews({ size: 8, smallSize: 6, small: 2 })],
  ])('%s: views depend only on the seed, differ from each other and leak no tensors', (_, preset) => {
    const images = testImages(4)
    const before = tf.memory().numTensors
    const read = (n: number) => tf.tidy(() => preset.apply({ images }, seed(n)).map((v) => [...v.dataSync()]))
    const [first, again, other] = [read(1), read(1), read(2)]
    expect(first).toEqual(again)
    expect(first[0]).not.toEqual(other[0])
    expect(first[0]).not.toEqual(first[1])
    expect(first.flat().every(Number.isFinite)).toBe(true)
    expect(tf.memory().numTensors).toBe(before)
    images.dispose()
  })

  test('a compiled step uses the seed of each call', async () => {
    const { compile } = await prepareEngine({ engine })
    const preset = byolViews({ size: 8 })
    const step = compile((images: tf.Tensor4D, seed: tf.Tensor1D) => preset.apply({ images }, seed))
    const images = testImages(4)
    for (const n of [1, 2]) {
      const s = seed(n)
      const [captured, plain] = [step(images, s), preset.apply({ images }, s)]
      tf.tidy(() => {
        const off = captured.map((view, i) => tf.mean(tf.abs(tf.sub(view, plain[i]!))).dataSync()[0]!)
        expect(Math.max(...off)).toBeLessThan(1e-3)
      })
      tf.dispose([s, captured, plain])
    }
    step.dispose()
    images.dispose()
  })

  test('multi-crop returns large views, then small ones', () => {
    const shapes = tf.tidy(() =>
      multiCropViews({ size: 8, smallSize: 6, small: 3 })
        .apply({ images: testImages(2) }, seed(1))
        .map((v) => v.shape),
    )
    expect(shapes).toEqual([
      [2, 8, 8, 3],
      [2, 8, 8, 3],
      [2, 6, 6, 3],
      [2, 6, 6, 3],
      [2, 6, 6, 3],
    ])
  })

  test('a view without random operations is the resized, normalised image', () => {
    tf.tidy(() => {
      const images = testImages(2, 8)
      const [view] = augmentation([whole], imagenetNormalisation).apply({ images }, seed(1))
      const { mean, std } = imagenetNormalisation
      const expected = [...images.dataSync()].map((p, i) => (p / 255 - mean[i % 3]!) / std[i % 3]!)
      view!.dataSync().forEach((value, i) => {
        expect(value).toBeCloseTo(expected[i]!, 4)
      })
    })
  })

  test('flips with the given probability, also crops from decoding', () => {
    tf.tidy(() => {
      const side = tf.tile(tf.tensor4d([0, 255], [1, 1, 2, 1]), [400, 2, 1, 3]) as tf.Tensor4D
      const mirroring = augmentation([{ ...whole, size: 2, horizontalFlip: 0.3 }], identity)
      for (const batch of [{ images: side }, { crops: [side] }]) {
        const [view] = mirroring.apply(batch, seed(3))
        const mirrored = tf.mean(tf.slice(view!, [0, 0, 0, 0], [400, 1, 1, 1])).dataSync()[0]!
        expect(mirrored).toBeGreaterThan(0.22)
        expect(mirrored).toBeLessThan(0.38)
      }
    })
  })

  test('converts to grey and solarises with the probability of each view', () => {
    tf.tidy(() => {
      const images = testImages(300, 4)
      const view = { ...whole, size: 4 }
      const [never, often] = augmentation([view, { ...view, grayscale: 0.7 }], identity).apply(
        { images },
        seed(5),
      )
      const greys = (v: tf.Tensor) => {
        const spread = tf.max(tf.sub(tf.max(v, 3), tf.min(v, 3)), [1, 2])
        return tf.mean(tf.cast(tf.less(spread, 1e-5), 'float32')).dataSync()[0]!
      }
      expect(greys(never!)).toBe(0)
      expect(greys(often!)).toBeGreaterThan(0.6)
      expect(greys(often!)).toBeLessThan(0.8)
    })
  })

  test('grey images have a preset; rejects a different number of channels', () => {
    tf.tidy(() => {
      const grey = tf.ones([2, 8, 8, 1], 'int32') as tf.Tensor4D
      expect(grayViews({ size: 6 }).apply({ images: grey }, seed(1))[0]!.shape).toEqual([2, 6, 6, 1])
      expect(() => simclrViews({ size: 6 }).apply({ images: grey }, seed(1))).toThrow(
        'the images have 1 channels, the normalisation 3',
      )
    })
  })

  // The images have a single grey, so that after a jitter of brightness alone the brightness gives the factor.
  test('each view has its own jitter strength: weak, strong and none', () => {
    tf.tidy(() => {
      const grey = tf.fill([200, 4, 4, 3], 100, 'int32') as tf.Tensor4D
      const view = { ...whole, size: 4 }
      const by = (brightness: number) => ({
        ...view,
        jitter: { probability: 1, brightness, contrast: 0, saturation: 0, hue: 0 },
      })
      const views = augmentation([by(0.1), by(0.8), view], identity).apply({ images: grey }, seed(2))
      const [weak, strong, none] = views.map((v) => [...tf.mul(tf.mean(v, [1, 2, 3]), 2.55).dataSync()])
      expect(Math.min(...weak!)).toBeGreaterThan(0.9 - 1e-4)
      expect(Math.min(...weak!)).toBeLessThan(0.91)
      expect(Math.max(...weak!)).toBeLessThan(1.1 + 1e-4)
      expect(Math.min(...strong!)).toBeLessThan(0.3)
      expect(Math.max(...strong!)).toBeGreaterThan(1.7)
      for (const factor of none!) expect(factor).toBeCloseTo(1, 5)
    })
  })

  test('each view has its own blur and threshold', () => {
    tf.tidy(() => {
      // The brightness that a single bright pixel loses gives the width of the blur.
      const dot = tf.pad(tf.fill([8, 1, 1, 3], 255, 'int32'), [
        [0, 0],
        [5, 5],
        [5, 5],
        [0, 0],
      ]) as tf.Tensor4D
      const view = { ...whole, size: 11 }
      const blurred = (sigma: number, kernelSize: number) => ({
        ...view,
        blur: { probability: 1, sigma: [sigma, sigma] as const, kernelSize },
      })
      const centre = (v: tf.Tensor) => tf.slice(v, [0, 5, 5, 0], [1, 1, 1, 1]).dataSync()[0]!
      const weight = (sigma: number, reach: number) => {
        let sum = 0
        for (let d = -reach; d <= reach; d++) sum += Math.exp(-(d ** 2) / (2 * sigma ** 2))
        return 1 / sum ** 2
      }
      const [narrow, wide, sharp, cut] = augmentation(
        [blurred(0.5, 5), blurred(2, 5), view, blurred(2, 3)],
        identity,
      ).apply({ images: dot }, seed(2))
      expect(centre(narrow!)).toBeCloseTo(weight(0.5, 2), 4)
      expect(centre(wide!)).toBeCloseTo(weight(2, 2), 4)
      expect(centre(sharp!)).toBeCloseTo(1, 5)
      expect(centre(cut!)).toBeCloseTo(weight(2, 1), 4)

      const solarised = (threshold: number) => ({ ...view, solarise: { probability: 1, threshold } })
      const half = tf.fill([4, 11, 11, 3], 102, 'int32') as tf.Tensor4D // 0.4
      const [above, below, neither] = augmentation([solarised(0.5), solarised(0.3), view], identity).apply(
        { images: half },
        seed(2),
      )
      expect(centre(above!)).toBeCloseTo(0.4, 5)
      expect(centre(below!)).toBeCloseTo(0.6, 5)
      expect(centre(neither!)).toBeCloseTo(0.4, 5)
    })
  })

  test('a second augmentation of the same batch draws different boxes and uses its own crops', () => {
    const view = { ...whole, scale: [0.2, 0.5] as const, horizontalFlip: 0.5 }
    const first = augmentation([view, view], identity)
    const second = augmentation([view], identity, { firstCrop: first.crops.length })
    expect([...first.crops, ...second.crops].map(({ stream }) => stream)).toEqual([0, 1, 2])
    tf.tidy(() => {
      const images = testImages(6)
      const read = (a: Augmentation) => a.apply({ images }, seed(1)).map((v) => [...v.dataSync()])
      const all = [...read(first), ...read(second)]
      expect(new Set(all.map(String)).size).toBe(3)
      const still = augmentation([whole], identity, { firstCrop: 2 })
      const crops = [1, 2, 3].map((value) => tf.fill([2, 8, 8, 3], value * 51, 'int32') as tf.Tensor4D)
      expect(still.apply({ crops }, seed(1))[0]!.dataSync()[0]).toBeCloseTo(0.6, 5)
      expect(() => still.apply({ crops: crops.slice(0, 2) }, seed(1))).toThrow(
        'the batch must contain images or crop 2; got neither',
      )
    })
  })

  test('a preview of views of several sizes', async () => {
    const images = testImages(2)
    const s = seed(1)
    const preset = multiCropViews({ size: 8, smallSize: 6, small: 2 })
    const sheets = await previewViews(preset, { images }, s)
    expect(sheets.map(({ shape, data }) => [shape[1], data.length])).toEqual([
      [8, 384],
      [8, 384],
      [6, 216],
      [6, 216],
    ])
    tf.dispose([images, s])
  })

  test('a preview is in 0..255 again', async () => {
    const images = testImages(2)
    const s = seed(1)
    const before = tf.memory().numTensors
    const views = await previewViews(simclrViews({ size: 8 }), { images }, s)
    expect(views).toHaveLength(2)
    expect(views[0]).toMatchObject({ shape: [2, 8, 8, 3] })
    expect(new Set(views[0]!.data).size).toBeGreaterThan(10)
    expect(tf.memory().numTensors).toBe(before)
    tf.dispose([images, s])
  })
})

test('the views of BYOL and MoCo have the papers’ values, or the given ones', () => {
  const [first, second] = byolViews({ size: 224 }).views
  expect(first).toMatchObject({
    scale: [0.08, 1],
    jitter: { probability: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.2, hue: 0.1 },
    blur: { probability: 1 },
  })
  expect(first).not.toHaveProperty('solarise')
  expect(second).toMatchObject({ blur: { probability: 0.1 }, solarise: { probability: 0.2 } })
  const own = byolViews({
    size: 32,
    gaussianBlur: [0, 0.3],
    solarise: [0.5, 0],
    strength: 0.5,
    minScale: 0.2,
  })
  expect(own.views[0]).toMatchObject({
    scale: [0.2, 1],
    blur: undefined,
    solarise: { probability: 0.5 },
    jitter: { brightness: 0.2, hue: 0.05 },
  })
  expect(own.views[1]).toMatchObject({ blur: { probability: 0.3 } })

  const strong = { brightness: 0.4, contrast: 0.4, saturation: 0.4 }
  expect(mocoV1Views({ size: 224 }).views[0]).toMatchObject({
    scale: [0.2, 1],
    blur: undefined,
    jitter: { probability: 1, ...strong, hue: 0.4 },
  })
  expect(mocoV2Views({ size: 224 }).views[1]).toMatchObject({
    blur: { probability: 0.5 },
    jitter: { probability: 0.8, ...strong, hue: 0.1 },
  })
  for (const view of anyOrientation(own).views)
    expect(view).toMatchObject({ scale: [0.2, 1], verticalFlip: 0.5, quarterTurns: true })
})
