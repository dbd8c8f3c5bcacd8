import { uniforms } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { rotate, rotateQuarters } from './index.js'

function close(actual: tf.Tensor, expected: ArrayLike<number>): void {
  const values = actual.dataSync<'float32'>()
  expect(values).toHaveLength(expected.length)
  for (const [i, value] of values.entries()) expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-3)
}

describe.each(testEngines())('rotate on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })

  test('by 30 degrees equals torchvision’s', () => {
    tf.tidy(() => {
      const image = tf.reshape(tf.range(1, 13), [1, 3, 4, 1]) as tf.Tensor4D
      // torchvision.transforms.functional.rotate(x, 30, InterpolationMode.BILINEAR)
      close(
        rotate(image, tf.tensor1d([30])),
        [
          0.6531262, 2.2691514, 4.9689112, 5.2823787, 2.2009621, 5.066987, 7.9330125, 10.799038, 3.8301275,
          8.031089, 9.222518, 4.3385458,
        ],
      )
    })
  })

  test('by multiples of 90 degrees equals quarter turns, with a separate angle for each image', () => {
    const before = tf.memory().numTensors
    const size = 5
    const pixels = Int32Array.from(uniforms([1, 2], 5 * size * size * 3), (u) => Math.floor(u * 256))
    const images = tf.tensor4d(pixels, [5, size, size, 3], 'int32')
    const [angles, quarters] = [tf.tensor1d([0, 90, 180, 270, -90]), tf.tensor1d([0, 1, 2, 3, 3], 'int32')]
    const turned = rotate(images, angles)
    expect(tf.memory().numTensors).toBe(before + 4)
    tf.tidy(() => close(turned, rotateQuarters(tf.cast(images, 'float32'), quarters).dataSync()))
    tf.dispose([images, angles, quarters, turned])
  })

  test('needs one angle per image', () => {
    tf.tidy(() => {
      expect(() => rotate(tf.zeros([2, 3, 3, 1]), tf.tensor1d([1]))).toThrow(
        'rotate: there must be an angle for each of 2 images; got 1',
      )
    })
  })

  test.runIf(engine === 'tensorflow')('is captured', async () => {
    const { compile } = await prepareEngine({ engine })
    const images = tf.ones([2, 6, 6, 1]) as tf.Tensor4D
    const angles = tf.tensor1d([10, 20])
    const step = compile((images: tf.Tensor4D, angles: tf.Tensor1D) => rotate(images, angles))
    const [captured, plain] = [step(images, angles), rotate(images, angles)]
    expect(step.captures).toBe(1)
    close(captured, plain.dataSync())
    step.dispose()
    tf.dispose([images, angles, captured, plain])
  })
})
