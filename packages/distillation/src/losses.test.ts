import { prepareEngine } from '@selfsup/engine'
import { l2Normalise } from '@selfsup/losses'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { methodEngines } from '../../../tooling/vitest/engines.js'
import { expectNear } from '../../../tooling/vitest/near.js'
import fixture from './fixtures/losses.json' with { type: 'json' }
import { interpolate, localDistillation, similarityDistillation } from './index.js'

describe.each(methodEngines())('on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })

  // The fixture was created by fixtures/make_losses.py with PyTorch's kl_div, interpolate and cosine_similarity.
  test('similarityDistillation and its gradient equal PyTorch’s', () => {
    const { temperature, student, teacher, keys, loss, gradient } = fixture.similarity
    tf.tidy(() => {
      const [wanted, others] = [tf.tensor2d(teacher, [4, 5]), tf.tensor2d(keys, [7, 5])]
      const { value, grad } = tf.valueAndGrad((x) =>
        similarityDistillation(x as tf.Tensor2D, wanted, others, { temperature }),
      )(tf.tensor2d(student, [4, 5]))
      expectNear(value, [loss])
      expectNear(grad, gradient)
    })
  })

  test.each(fixture.local)('localDistillation and its gradient equal PyTorch’s: $shapes', (one) => {
    const [from, to] = one.shapes as [[number, number, number, number], [number, number, number, number]]
    tf.tidy(() => {
      const wanted = tf.tensor4d(one.teacher, to)
      const { value, grad } = tf.valueAndGrad((x) => localDistillation(x as tf.Tensor4D, wanted))(
        tf.tensor4d(one.student, from),
      )
      expectNear(value, [one.loss])
      expectNear(grad, one.gradient)
    })
  })
})

describe('the losses', () => {
  beforeAll(async () => {
    await prepareEngine({ engine: 'cpu' })
  })

  test('are 0 for a student that equals the teacher, whatever the length of its features', () => {
    tf.tidy(() => {
      const teacher = tf.tensor2d([1, 2, 3, -1, 0, 2], [2, 3])
      const keys = l2Normalise(tf.tensor2d([1, 0, 0, 0, 1, 1], [2, 3]))
      const longer = tf.mul(teacher, 5) as tf.Tensor2D
      expect(similarityDistillation(longer, teacher, keys).dataSync()[0]).toBeCloseTo(0, 6)
      const map = tf.reshape(teacher, [1, 2, 1, 3]) as tf.Tensor4D
      expect(localDistillation(tf.mul(map, 5), map).dataSync()[0]).toBeCloseTo(0, 6)
      expect(localDistillation(tf.mul(map, -1), map).dataSync()[0]).toBeCloseTo(2, 6)
    })
  })

  test('interpolate keeps a constant map and the mean between two positions', () => {
    tf.tidy(() => {
      const ramp = interpolate(tf.tensor4d([0, 1], [1, 1, 2, 1]), 1, 4)
      // Centres at -0.25, 0.25, 0.75, 1.25 of the two positions 0 and 1.
      expectNear(ramp, [0, 0.25, 0.75, 1])
      expectNear(interpolate(tf.fill([1, 3, 3, 1], 7) as tf.Tensor4D, 2, 2), [7, 7, 7, 7])
    })
  })

  test('refuse shapes that do not match', () => {
    tf.tidy(() => {
      const two = tf.zeros([2, 3]) as tf.Tensor2D
      expect(() => similarityDistillation(two, tf.zeros([2, 4]), two)).toThrow('similarityDistillation')
      expect(() => similarityDistillation(two, two, tf.zeros([5, 4]))).toThrow(
        'keys must be [keys, 3], as the features; got [5,4]',
      )
      expect(() => localDistillation(tf.zeros([1, 2, 2, 3]), tf.zeros([1, 4, 4, 5]))).toThrow(
        'must have the same batch and channels; got [1,2,2,3] and [1,4,4,5]',
      )
    })
  })
})
