import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { methodEngines } from '../../../tooling/vitest/engines.js'
import { discriminatorAccuracy, discriminatorLoss, generatorLoss, sampleSpread } from './adversarial.js'
import { bernoulliCost, gaussianCost, gaussianDivergence } from './elbo.js'
import { spherical } from './latents.js'
import { r1Penalty, steepestDirections } from './r1.js'

const value = (compute: () => tf.Tensor) => tf.tidy(() => compute().dataSync()[0]!)

describe.each(methodEngines())('losses on %s', (engine) => {
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

  test('for logits of 0 the discriminator’s loss is 2 log 2, and the generator’s log 2', () => {
    expect(value(() => discriminatorLoss(tf.zeros([4, 1]), tf.zeros([4, 1])))).toBeCloseTo(2 * Math.log(2), 5)
    expect(value(() => generatorLoss(tf.zeros([4, 1])))).toBeCloseTo(Math.log(2), 5)
  })

  test('losses of known logits, finite even if a probability is 0', () => {
    // -log s(2) = log(1 + e^-2), -log(1 - s(-1)) = log(1 + e^-1)
    const [two, one] = [Math.log(1 + Math.exp(-2)), Math.log(1 + Math.exp(-1))]
    expect(value(() => discriminatorLoss(tf.tensor2d([[2]]), tf.tensor2d([[-1]])))).toBeCloseTo(two + one, 5)
    expect(value(() => generatorLoss(tf.tensor2d([[2]])))).toBeCloseTo(two, 5)
    expect(value(() => generatorLoss(tf.tensor2d([[-200]])))).toBeCloseTo(200, 3)
    expect(value(() => discriminatorLoss(tf.tensor2d([[-300]]), tf.tensor2d([[200]])))).toBeCloseTo(500, 2)
  })

  test('the generator’s loss has slope -1 if the discriminator rejects every image, where the saturating loss has slope 0', () => {
    const slope = value(() => tf.grad((logits) => generatorLoss(logits))(tf.tensor2d([[-30]])))
    expect(slope).toBeCloseTo(-1, 4)
  })

  test('accuracy weighs real and generated images equally; spread is the ratio of deviations', () => {
    const [real, generated] = [
      [3, 1, -1, 2],
      [-1, 1],
    ]
    expect(value(() => discriminatorAccuracy(tf.tensor1d(real), tf.tensor1d(generated)))).toBeCloseTo(
      (3 / 4 + 1 / 2) / 2,
      5,
    )
    expect(
      value(() => sampleSpread(tf.tensor2d([[1], [2], [3], [4]]), tf.tensor2d([[2], [4], [6], [8]]))),
    ).toBeCloseTo(0.5, 5)
    expect(
      value(() =>
        sampleSpread(
          tf.ones([4, 2]),
          tf.tensor2d([
            [2, 1],
            [4, 1],
          ]),
        ),
      ),
    ).toBe(0)
  })

  test('divergence of known normal distributions from the standard normal distribution', () => {
    const [mean, logVariance] = [
      [0, 0, 1, 0, 3, -1],
      [0, 0, 0, Math.log(4), Math.log(0.25), Math.log(2)],
    ]
    const found = tf.tidy(() =>
      gaussianDivergence(tf.tensor2d(mean, [3, 2]), tf.tensor2d(logVariance, [3, 2])).arraySync(),
    )
    // 0; of N(1, 1) 1/2 and of N(0, 4) (4 - 1 - log 4) / 2; of N(3, 1/4) and N(-1, 2)
    expect(found[0]).toBeCloseTo(0, 5)
    expect(found[1]).toBeCloseTo(0.5 + (3 - Math.log(4)) / 2, 5)
    expect(found[2]).toBeCloseTo((9 + 0.25 - 1 + Math.log(4)) / 2 + (1 + 2 - 1 - Math.log(2)) / 2, 4)
  })

  test('negative log likelihoods of known pixels', () => {
    const bernoulli = tf.tidy(() =>
      bernoulliCost(
        tf.tensor2d([
          [1, 0],
          [0.5, 1],
        ]),
        tf.tensor2d([
          [0, 0],
          [0, Math.log(3)],
        ]),
      ).arraySync(),
    )
    expect(bernoulli[0]).toBeCloseTo(2 * Math.log(2), 5)
    // s(log 3) = 3/4
    expect(bernoulli[1]).toBeCloseTo(Math.log(2) - Math.log(0.75), 5)
    const gaussian = value(() => gaussianCost(tf.tensor2d([[1, 0.5]]), tf.tensor2d([[0, 0.5]]), 0.5))
    expect(gaussian).toBeCloseTo(2 * (Math.log(0.5) + 0.5 * Math.log(2 * Math.PI)) + 2, 5)
  })

  test('R1 of a linear discriminator is the squared length of its weights, and its gradient twice the weights', () => {
    const weights = [0.5, -1, 2, 0.25]
    tf.tidy(() => {
      const images = tf.tensor4d([0.1, 0.2, 0.3, 0.4, 0.9, 0.8, 0.7, 0.6], [2, 2, 2, 1])
      const penalty = (w: tf.Tensor) => {
        const linear = (x: tf.Tensor4D) => tf.matMul(tf.reshape(x, [2, 4]), tf.reshape(w, [4, 1]))
        return r1Penalty(linear, images, steepestDirections(linear, images))
      }
      const { value, grad } = tf.valueAndGrad((w: tf.Tensor) => penalty(w))(tf.tensor1d(weights))
      expect(value.dataSync()[0]).toBeCloseTo(0.25 + 1 + 4 + 0.0625, 3)
      grad.dataSync().forEach((slope, i) => {
        expect(slope).toBeCloseTo(2 * weights[i]!, 3)
      })
    })
  })

  test('the gradient of R1 equals the second derivative, for operations where TensorFlow.js computes it', () => {
    tf.tidy(() => {
      const images = tf.randomNormal([3, 2, 2, 1], 0, 1, 'float32', 5) as tf.Tensor4D
      const w1 = tf.randomNormal([4, 6], 0, 0.5, 'float32', 6) as tf.Tensor2D
      const w2 = tf.randomNormal([6, 1], 0, 0.5, 'float32', 7) as tf.Tensor2D
      // Operations whose gradient uses their input: TensorFlow.js loses second derivatives of those that use their output (exp, sigmoid).
      const network = (a: tf.Tensor, b: tf.Tensor) => (x: tf.Tensor4D) =>
        tf.sin(
          tf.mul(
            tf.matMul(tf.square(tf.matMul(tf.reshape(x, [3, 4]), a as tf.Tensor2D)), b as tf.Tensor2D),
            0.1,
          ),
        )
      const ours = (a: tf.Tensor, b: tf.Tensor) =>
        r1Penalty(network(a, b), images, steepestDirections(network(a, b), images))
      const exact = (a: tf.Tensor, b: tf.Tensor) => {
        const slope = tf.grad((x) => tf.sum(network(a, b)(x as tf.Tensor4D)))(images)
        return tf.mean(tf.sum(tf.square(slope), [1, 2, 3])) as tf.Scalar
      }
      const [approximate, twice] = [ours, exact].map((penalty) => tf.valueAndGrads(penalty)([w1, w2]))
      const pairs = [
        [approximate!.value, twice!.value],
        ...approximate!.grads.map((grad, i) => [grad, twice!.grads[i]!]),
      ] as [tf.Tensor, tf.Tensor][]
      for (const [a, b] of pairs) {
        const scale = tf.max(tf.abs(b)).dataSync()[0]!
        expect(scale).toBeGreaterThan(1e-3)
        expect(tf.max(tf.abs(tf.sub(a, b))).dataSync()[0]! / scale).toBeLessThan(5e-3)
      }
    })
  })

  test('spherical interpolation starts and ends at its arguments, stays on the sphere, and is linear for parallel vectors', () => {
    tf.tidy(() => {
      const from = tf.tensor2d([
        [1, 0],
        [2, 0],
        [1, 1],
      ])
      const to = tf.tensor2d([
        [0, 1],
        [0, 4],
        [3, 3],
      ])
      const at = (t: number) => spherical(from, to, t).arraySync()
      expect(at(0)).toEqual(from.arraySync())
      at(1)
        .flat()
        .forEach((value, i) => {
          expect(value).toBeCloseTo(to.arraySync().flat()[i]!, 5)
        })
      const [onCircle, between, straight] = at(0.5) as [number[], number[], number[]]
      expect(Math.hypot(...onCircle)).toBeCloseTo(1, 5)
      expect(between[1]! / between[0]!).toBeCloseTo(2, 4)
      expect(straight).toEqual([2, 2])
    })
  })
})
