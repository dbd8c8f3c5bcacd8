import { normals } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { prepareEngine, testEngines } from '../../../tooling/vitest/engines.js'
import './index.js'

type Operation = (x: tf.Tensor) => tf.Tensor

const at = (shape: number[], seed = 1) => tf.tensor(normals([seed, 0], tf.util.sizeFromShape(shape)), shape)
const numbers = (...values: number[]) => tf.tensor1d(values, 'int32')
const conv = (x: tf.Tensor, filter: tf.Tensor, stride: number | [number, number], pad: 'same' | 'valid') =>
  tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, stride, pad)
const depthwise = (x: tf.Tensor, filter: tf.Tensor, stride: number, pad: 'same' | 'valid') =>
  tf.depthwiseConv2d(x as tf.Tensor4D, filter as tf.Tensor4D, stride, pad)
const maxPool = (x: tf.Tensor, size: number, stride: number, pad: 'same' | 'valid') =>
  tf.maxPool(x as tf.Tensor4D, size, stride, pad)
const avgPool = (x: tf.Tensor, size: number, stride: number, pad: 'same' | 'valid') =>
  tf.avgPool(x as tf.Tensor4D, size, stride, pad)

/** Operations that training a ResNet, a ConvNet or a vision transformer differentiates, with the shape of their input. */
const operations: readonly (readonly [string, Operation, number[]])[] = [
  ['conv2d, input', (x) => conv(x, at([3, 3, 2, 3]), 1, 'same'), [2, 5, 4, 2]],
  ['conv2d stride 2, input', (x) => conv(x, at([3, 3, 2, 3]), 2, 'same'), [2, 5, 4, 2]],
  ['conv2d stride 3 of 2x2, input', (x) => conv(x, at([2, 2, 2, 3]), 3, 'valid'), [1, 7, 6, 2]],
  ['conv2d stride [2, 1], input', (x) => conv(x, at([3, 2, 2, 3]), [2, 1], 'valid'), [1, 6, 4, 2]],
  ['conv2d, filter', (w) => conv(at([2, 5, 4, 2], 2), w, 1, 'same'), [3, 3, 2, 3]],
  ['conv2d of images with few rows, filter', (w) => conv(at([3, 2, 3, 9], 2), w, 1, 'same'), [3, 2, 9, 5]],
  ['conv2d stride 2, filter', (w) => conv(at([2, 5, 4, 9], 2), w, 2, 'same'), [3, 3, 9, 2]],
  ['conv2d stride 2 of 1x1, filter', (w) => conv(at([2, 5, 4, 2], 2), w, 2, 'same'), [1, 1, 2, 3]],
  ['patches 4x4, filter', (w) => conv(at([1, 8, 8, 2], 2), w, 4, 'valid'), [4, 4, 2, 3]],
  ['depthwise, input', (x) => depthwise(x, at([3, 3, 2, 2]), 1, 'same'), [2, 4, 3, 2]],
  ['depthwise stride 2, input', (x) => depthwise(x, at([3, 3, 2, 1]), 2, 'valid'), [2, 5, 4, 2]],
  ['depthwise, filter', (w) => depthwise(at([2, 4, 3, 2], 2), w, 1, 'same'), [3, 2, 2, 2]],
  ['maxPool 3x3 stride 2', (x) => maxPool(x, 3, 2, 'same'), [2, 5, 4, 2]],
  ['maxPool 2x2', (x) => maxPool(x, 2, 2, 'valid'), [2, 5, 4, 2]],
  ['avgPool over the edge', (x) => avgPool(x, 3, 2, 'same'), [2, 5, 4, 2]],
  ['matMul', (a) => tf.matMul(a, at([4, 2])), [3, 4]],
  ['matMul, both transposed', (a) => tf.matMul(a, at([2, 4]), true, true), [4, 3]],
  ['matMul with itself', (a) => tf.matMul(a, a, false, true), [3, 4]],
  ['batches of matMul', (a) => tf.matMul(a, at([2, 2, 5, 4]), false, true), [2, 2, 3, 4]],
  ['matMul, one for the batch', (a) => tf.matMul(a, at([3, 4, 2])), [1, 2, 4]],
  ['gather', (x) => tf.gather(x, numbers(2, 0, 2, 1)), [3, 4]],
  ['gather, inner axis', (x) => tf.gather(x, numbers(1, 1, 0), 1), [2, 3, 2]],
  ['slice', (x) => tf.slice(x, [1, 0, 1], [2, 2, 2]), [3, 2, 4]],
  ['reverse', (x) => tf.reverse(x, [0, 2]), [2, 3, 2]],
  ['tile', (x) => tf.tile(x, [2, 1, 3]), [2, 2, 2]],
  ['broadcastTo five axes', (x) => tf.broadcastTo(x, [2, 2, 1, 3, 2]), [2, 1, 3, 1]],
  ['cumsum', (x) => tf.cumsum(x, 0), [3, 4]],
  ['sum and mean', (x) => tf.mul(tf.sum(x, [0, 1], true), tf.mean(x, 2, true)), [2, 3, 2]],
  ['sum of outer axes', (x) => tf.sum(x, [0, 2]), [2, 3, 2]],
  ['maximum of a row', (x) => tf.maximum(at([3, 4], 2), x), [4]],
  ['minimum of a column', (x) => tf.minimum(at([3, 4], 2), x), [3, 1]],
  ['squaredDifference of a row', (x) => tf.squaredDifference(at([3, 4], 2), x), [4]],
  ['softmax', (x) => tf.softmax(x), [3, 4]],
  ['relu', (x) => tf.relu(x), [3, 4]],
  ['relu6', (x) => tf.relu6(tf.mul(x, 5)), [3, 4]],
  ['elu', (x) => tf.elu(x), [3, 4]],
  ['softplus', (x) => tf.softplus(x), [3, 4]],
  ['sigmoid', (x) => tf.sigmoid(x), [3, 4]],
  ['tanh', (x) => tf.tanh(x), [3, 4]],
  ['gelu', (x) => tf.mul(x, tf.add(1, tf.erf(tf.div(x, Math.SQRT2)))), [3, 4]],
  ['abs', (x) => tf.abs(x), [3, 4]],
]

describe.each(testEngines())('on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })

  test.each(operations)('the gradient of %s equals finite differences', (_, f, shape) => {
    tf.tidy(() => {
      const x = at(shape, 5)
      const towards = at(f(x).shape, 6)
      const objective = (x: tf.Tensor) => tf.sum(tf.mul(f(x), towards))
      const before = tf.memory().numTensors
      const gradient = tf.grad(objective)(x)
      expect(tf.memory().numTensors).toBe(before + 1)
      expect(gradient.shape).toEqual(shape)
      const values = gradient.dataSync()
      const data = x.dataSync()
      const moved = (i: number, by: number) =>
        tf.tidy(
          () =>
            objective(
              tf.tensor(
                data.map((v, j) => (i === j ? v + by : v)),
                shape,
              ),
            ).dataSync()[0]!,
        )
      const by = 1e-3 // no input value is closer than this to a kink
      for (let i = 0; i < values.length; i++) {
        const difference = (moved(i, by) - moved(i, -by)) / (2 * by)
        expect(Math.abs(values[i]! - difference)).toBeLessThan(1e-2 * Math.max(1, Math.abs(difference)))
      }
    })
  })

  test('step is 1 above zero, otherwise alpha', () => {
    tf.tidy(() => {
      const x = tf.tensor1d([-2, 0, 3, Number.NaN])
      expect([...tf.step(x).dataSync()]).toEqual([0, 0, 1, Number.NaN])
      expect([...tf.step(x, -1).dataSync()]).toEqual([-1, -1, 1, Number.NaN])
    })
  })
})
