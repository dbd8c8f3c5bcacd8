import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-layers' // registers the gradients
import { beforeAll, describe, expect, test } from 'vitest'
import { attributeKinds } from './addon.js'
import type { TensorflowBackend } from './backend.js'
import { compileStep } from './captured-step.js'
import { findTensorflow } from './find.js'
import { loadTensorflow } from './load.js'

const installed = findTensorflow()?.source === 'selfsup'

/** Runs TensorFlow's own operation directly. */
function runTensorflow(
  name: string,
  inputs: tf.Tensor[],
  stride: number,
  padding: 'SAME' | 'VALID',
): tf.Tensor4D {
  const backend = tf.backend() as TensorflowBackend & tf.KernelBackend
  const { TF_ATTR_TYPE, TF_ATTR_INT, TF_ATTR_STRING } = attributeKinds
  return backend.executeSingleOutput(
    name,
    [
      { name: 'T', type: TF_ATTR_TYPE, value: 1 },
      { name: 'strides', type: TF_ATTR_INT, value: [1, stride, stride, 1] },
      { name: 'padding', type: TF_ATTR_STRING, value: padding },
      { name: 'data_format', type: TF_ATTR_STRING, value: 'NHWC' },
    ],
    inputs,
  ) as tf.Tensor4D
}

/** The largest difference relative to the largest value. */
function difference(a: tf.Tensor, b: tf.Tensor): number {
  expect(a.shape).toEqual(b.shape)
  return tf.tidy(() => tf.div(tf.max(tf.abs(tf.sub(a, b))), tf.max(tf.abs(b))).dataSync()[0]!)
}

describe.skipIf(!installed)('our convolutions', () => {
  beforeAll(async () => {
    process.env.SELFSUP_CONVOLUTIONS = '1' // also on processors where they are not faster
    await loadTensorflow()
    await tf.setBackend('tensorflow')
  })

  const cases = [
    { what: 'Winograd', batch: 12, size: 8, kernel: 3, stride: 1, pad: 'same' },
    { what: 'Winograd, tiles beyond the edge', batch: 12, size: 7, kernel: 3, stride: 1, pad: 'same' },
    { what: 'Winograd, no padding', batch: 15, size: 11, kernel: 3, stride: 1, pad: 'valid' },
    { what: 'few tiles', batch: 1, size: 5, kernel: 3, stride: 1, pad: 'same' },
    { what: 'stride 2', batch: 3, size: 8, kernel: 3, stride: 2, pad: 'same' },
    { what: 'stride 2, odd size', batch: 3, size: 9, kernel: 3, stride: 2, pad: 'valid' },
    { what: '5x5, stride 3', batch: 3, size: 10, kernel: 5, stride: 3, pad: 'same' },
  ] as const

  test.each(cases)(
    '$what: result and gradients equal TensorFlow’s',
    ({ batch, size, kernel, stride, pad }) => {
      tf.tidy(() => {
        const x = tf.randomNormal([batch, size, size, 32], 0, 1, 'float32', 1) as tf.Tensor4D
        const w = tf.randomNormal([kernel, kernel, 32, 48], 0, 1, 'float32', 2) as tf.Tensor4D
        const padding = pad === 'same' ? 'SAME' : 'VALID'
        const expected = runTensorflow('Conv2D', [x, w], stride, padding)
        const dy = tf.randomNormal(expected.shape, 0, 1, 'float32', 3) as tf.Tensor4D
        const run = () => {
          const y = tf.conv2d(x, w, stride, pad)
          const [dx, dw] = tf.grads((a: tf.Tensor, b: tf.Tensor) =>
            tf.sum(tf.mul(tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, stride, pad), dy)),
          )([x, w])
          return [y, dx!, dw!]
        }
        const step = compileStep(tf.backend() as TensorflowBackend & tf.KernelBackend, run)
        for (const [y, dx, dw] of [run(), step()]) {
          expect(difference(y!, expected)).toBeLessThan(2e-5)
          const ofX = runTensorflow(
            'Conv2DBackpropInput',
            [tf.tensor1d(x.shape, 'int32'), w, dy],
            stride,
            padding,
          )
          expect(difference(dx!, ofX)).toBeLessThan(2e-5)
          const ofW = runTensorflow(
            'Conv2DBackpropFilter',
            [x, tf.tensor1d(w.shape, 'int32'), dy],
            stride,
            padding,
          )
          expect(difference(dw!, ofW)).toBeLessThan(2e-5)
        }
        step.dispose()
      })
    },
  )

  test('supports fused bias and activation, as layers use them in inference', () => {
    tf.tidy(() => {
      const x = tf.randomNormal([2, 6, 6, 16], 0, 1, 'float32', 1) as tf.Tensor4D
      const filter = tf.randomNormal([3, 3, 16, 16], 0, 1, 'float32', 2) as tf.Tensor4D
      const bias = tf.linspace(-1, 1, 16)
      const fused = tf.fused.conv2d({ x, filter, strides: 1, pad: 'same', bias, activation: 'relu' })
      const expected = tf.relu(tf.add(runTensorflow('Conv2D', [x, filter], 1, 'SAME'), bias))
      expect(difference(fused, expected)).toBeLessThan(2e-5)
    })
  })

  test('results are deterministic, whatever the timing of threads', () => {
    tf.tidy(() => {
      const x = tf.randomNormal([16, 8, 8, 16], 0, 1, 'float32', 1) as tf.Tensor4D
      const dy = tf.randomNormal([16, 4, 4, 16], 0, 1, 'float32', 2) as tf.Tensor4D
      const gradient = () =>
        tf.engine().runKernel('Conv2DBackpropFilter', { x, dy }, {
          strides: [2, 2],
          pad: 'same',
          dataFormat: 'NHWC',
          filterShape: [3, 3, 16, 16],
        } as unknown as tf.NamedAttrMap) as tf.Tensor
      const first = gradient()
      for (let i = 0; i < 20; i++) expect(tf.max(tf.abs(tf.sub(first, gradient()))).dataSync()[0]).toBe(0)
    })
  })
})
