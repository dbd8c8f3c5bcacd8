import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-layers' // registers the gradients
import { beforeAll, describe, expect, test } from 'vitest'
import type { TensorflowBackend } from './backend.js'
import { compileStep } from './captured-step.js'
import { findTensorflow } from './find.js'
import { loadTensorflow } from './load.js'

/** The sum over all pixels that the filter sees, by hand. */
function expected(x: tf.Tensor4D, dy: tf.Tensor4D, stride: number): number[] {
  const [batch, height, width, channels] = x.shape
  const [, rows, columns, outputs] = dy.shape
  const [a, b] = [x.dataSync(), dy.dataSync()]
  const sums = new Array<number>(channels * outputs).fill(0)
  for (let n = 0; n < batch; n++)
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) {
        const [y, z] = [row * stride, column * stride]
        for (let c = 0; c < channels; c++)
          for (let o = 0; o < outputs; o++)
            sums[c * outputs + o]! +=
              a[((n * height + y) * width + z) * channels + c]! *
              b[((n * rows + row) * columns + column) * outputs + o]!
      }
  return sums
}

describe.skipIf(!findTensorflow())('gradients of strided 1x1 filters, with one thread', () => {
  beforeAll(async () => {
    // Only then does oneDNN write beyond its buffer, which ends this process or changes other tensors.
    process.env.TF_NUM_INTRAOP_THREADS = '1'
    await loadTensorflow()
    await tf.setBackend('tensorflow')
  })

  test.each([
    [1, 8, 16, 2, 'same'],
    [3, 16, 16, 2, 'valid'],
    [4, 4, 16, 2, 'same'],
    [7, 3, 15, 3, 'same'],
    [12, 8, 9, 4, 'valid'],
  ] as const)(
    '%i to %i channels, %i pixels, stride %i, padding %s',
    (channels, outputs, size, stride, pad) => {
      const x = tf.randomNormal([2, size, size, channels], 0, 1, 'float32', 1) as tf.Tensor4D
      const w = tf.zeros([1, 1, channels, outputs]) as tf.Tensor4D
      const dy = tf.randomNormal(tf.conv2d(x, w, stride, pad).shape, 0, 1, 'float32', 2) as tf.Tensor4D
      const gradient = tf.grad((filter: tf.Tensor) =>
        tf.sum(
          tf.mul(
            tf.conv2d(
              x,
              filter as tf.Tensor4D,
              stride,
              pad,
              'NHWC',
              1,
              typeof pad === 'number' ? 'floor' : undefined,
            ),
            dy,
          ),
        ),
      )
      const wanted = expected(x, dy, stride)
      const close = (values: ArrayLike<number>) =>
        wanted.forEach((value, i) => {
          expect(values[i]).toBeCloseTo(value, 4)
        })
      for (let i = 0; i < 30; i++) close(tf.tidy(() => gradient(w).dataSync()))
      const step = compileStep(tf.backend() as TensorflowBackend & tf.KernelBackend, () => gradient(w))
      close(step().dataSync())
      step.dispose()
    },
  )

  test.each([
    [1, 2, 16, 2],
    [1, 1, 32, 4],
    [5, 3, 9, 2],
  ])('depthwise, %i channels times %i, %i pixels, stride %i', (channels, times, size, stride) => {
    const x = tf.randomNormal([2, size, size, channels], 0, 1, 'float32', 1) as tf.Tensor4D
    const w = tf.zeros([1, 1, channels, times]) as tf.Tensor4D
    const dy = tf.randomNormal(
      tf.depthwiseConv2d(x, w, stride, 'same').shape,
      0,
      1,
      'float32',
      2,
    ) as tf.Tensor4D
    const gradient = tf.grad((filter: tf.Tensor) =>
      tf.sum(tf.mul(tf.depthwiseConv2d(x, filter as tf.Tensor4D, stride, 'same'), dy)),
    )
    const all = expected(x, dy, stride) // of each channel with each output, of which a depthwise filter has its own
    const wanted = Array.from(
      { length: channels * times },
      (_, i) => all[Math.floor(i / times) * channels * times + i]!,
    )
    for (let i = 0; i < 30; i++)
      tf.tidy(() => gradient(w).dataSync()).forEach((value, at) => {
        expect(value).toBeCloseTo(wanted[at]!, 4)
      })
  })
})
