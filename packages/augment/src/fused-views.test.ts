import { prepareEngine } from '@selfsup/engine'
import { canFuseViews, foldIn, fusedViews, type ViewParameters } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { augmentation, VIEWS_STREAM } from './augmentation.js'
import { composeViews } from './compose-views.js'
import fixture from './fixtures/operations.json' with { type: 'json' }
import { imagenetNormalisation } from './normalise.js'
import { anyOrientationViews, byolViews, grayViews, multiCropViews, simclrViews } from './presets.js'
import type { ViewOptions } from './view-options.js'
import { drawViewParameters, groupViews, sharedSettings } from './view-parameters.js'

const identity = { mean: [0, 0, 0], std: [1, 1, 1] }

const jitter = { probability: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 }
const weak = { size: 16, scale: [0.5, 1], horizontalFlip: 0.5 } as const
const weakAndStrong: readonly ViewOptions[] = [
  {
    ...weak,
    jitter: { ...jitter, brightness: 0.1, hue: 0 },
    blur: { probability: 0.5, sigma: [0.1, 0.5], kernelSize: 3 },
  },
  { ...weak, jitter, blur: { probability: 1, sigma: [1, 2], kernelSize: 5 } },
  {
    ...weak,
    blur: { probability: 0.5, sigma: [0.1, 2], kernelSize: 3 },
    solarise: { probability: 0.5, threshold: 0.3 },
  },
]

function largestDifference(a: tf.Tensor, b: tf.Tensor): number {
  expect(a.shape).toEqual(b.shape)
  return tf.tidy(() => tf.max(tf.abs(tf.sub(a, b))).dataSync()[0]!)
}

// Without native TensorFlow there is nothing to compare.
describe.runIf(testEngines().includes('tensorflow'))('views in one pass', () => {
  let tensors: number
  beforeAll(async () => {
    await prepareEngine({ engine: 'tensorflow' })
  })
  beforeEach(() => {
    tensors = tf.memory().numTensors
  })
  afterEach(() => {
    expect(tf.memory().numTensors).toBe(tensors)
  })

  test('native TensorFlow uses them', () => {
    expect(canFuseViews()).toBe(true)
  })

  describe.each([
    ['simclr', simclrViews({ size: 16 }), 3],
    ['simclr, enlarged', simclrViews({ size: 40 }), 3],
    ['byol', byolViews({ size: 21 }), 3],
    ['any orientation', anyOrientationViews({ size: 16 }), 3],
    ['multi-crop', multiCropViews({ size: 16, smallSize: 7, small: 3 }), 3],
    ['grey', grayViews({ size: 17, gaussianBlur: 0.5, horizontalFlip: 0.5 }), 1],
    ['weak and strong', augmentation(weakAndStrong), 3],
  ] as const)('%s', (_, preset, channels) => {
    test.each([
      ['of whole images', 'images', 'int32'],
      ['of crops made while decoding', 'crops', 'int32'],
      ['of floats', 'images', 'float32'],
    ] as const)('%s equal those composed of operations', (_, kind, dtype) => {
      tf.tidy(() => {
        const batch = 24
        const noise = (height: number, width: number, stream: number) =>
          tf.tensor4d(
            Float32Array.from(
              { length: batch * height * width * channels },
              (_, i) => ((i * 7919 + stream) ^ (i >> 3)) % 256,
            ),
            [batch, height, width, channels],
            dtype,
          )
        const images = kind === 'images' ? noise(27, 35, 1) : undefined
        const crops = preset.views.map(({ size }, view) => noise(size, size, view))
        const seed = tf.tensor1d([5, 6], 'int32')
        const views = preset.apply({ images, crops }, seed)
        const own = foldIn(foldIn(seed, VIEWS_STREAM), 0)
        for (const [group, numbers] of groupViews(preset.views).entries()) {
          const members = numbers.map((number) => ({ ...preset.views[number]!, crop: preset.crops[number]! }))
          const { size } = members[0]!
          const parameters = drawViewParameters(
            images ? { images } : { crops },
            members,
            seed,
            foldIn(own, group),
          )
          const sources = images ?? tf.concat(numbers.map((number) => crops[number]!))
          const settings = { size, normalisation: preset.normalisation, ...sharedSettings(members) }
          const composed = composeViews(sources, parameters, settings)
          const fused = tf.concat(numbers.map((number) => views[number]!))
          // At the threshold, a difference in the last digit of a pixel can invert it.
          const thresholds = tf.less(tf.abs(tf.sub(fused, composed)), 1e-4)
          const equal = tf.mean(tf.cast(thresholds, 'float32')).dataSync()[0]!
          if (members.some(({ solarise }) => solarise)) expect(equal).toBeGreaterThan(0.999)
          else expect(largestDifference(fused, composed)).toBeLessThan(1e-4)
        }
      })
    })
  })

  // Fixed parameters on torchvision's images; operations without parameters are not applied.
  const fixed = (parameters: ViewParameters, size: number, kernelSize = 0) =>
    fusedViews(
      [tf.mul(tf.tensor4d(fixture.images, fixture.shape as [number, number, number, number]), 255)],
      parameters,
      {
        size,
        normalisation: identity,
        kernelSize,
      },
    )[0]!
  const both = (value: number) => tf.tensor1d([value, value])

  test.each(fixture.crops)('torchvision’s crop of $box to $size', ({ box, size, result }) => {
    tf.tidy(() => {
      const [top, left, height, width] = box.map(both) as [tf.Tensor1D, tf.Tensor1D, tf.Tensor1D, tf.Tensor1D]
      const view = fixed({ box: { top, left, height, width } }, size)
      expect(largestDifference(view, tf.tensor4d(result, [2, size, size, 3]))).toBeLessThan(2e-5)
    })
  })

  test('without parameters the result is the normalised image', () => {
    tf.tidy(() => {
      const image = tf.tensor4d([0, 128, 255, 10, 20, 30, 1, 2, 3, 255, 255, 255], [1, 2, 2, 3], 'int32')
      const { mean, std } = imagenetNormalisation
      const [view] = fusedViews([image], {}, { size: 2, normalisation: imagenetNormalisation })
      const expected = [...image.dataSync()].map((value, i) => (value / 255 - mean[i % 3]!) / std[i % 3]!)
      view!.dataSync().forEach((value, i) => {
        expect(value).toBeCloseTo(expected[i]!, 5)
      })
    })
  })

  test('rejects a box outside its image and channels without normalisation', () => {
    tf.tidy(() => {
      const image = tf.zeros([1, 4, 4, 3], 'int32') as tf.Tensor4D
      const side = (value: number) => tf.tensor1d([value])
      const box = { top: side(2), left: side(0), height: side(3), width: side(4) }
      const settings = { size: 2, normalisation: identity }
      expect(() => fusedViews([image], { box }, settings)).toThrow('a box is outside its image')
      expect(() => fusedViews([tf.zeros([1, 4, 4, 1])], {}, settings)).toThrow(
        'the images have 1 channels, the normalisation 3',
      )
    })
  })
})
