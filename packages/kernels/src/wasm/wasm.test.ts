import { normals } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { prepareEngine } from '../../../../tooling/vitest/engines.js'
import '../index.js'

const at = (shape: number[], seed: number) =>
  tf.tensor(normals([seed, 0], tf.util.sizeFromShape(shape)), shape)
const run = (kernel: string, inputs: Record<string, tf.Tensor>, attrs: object) =>
  tf.engine().runKernel(kernel, inputs, attrs as tf.NamedAttrMap) as tf.Tensor

/** Expects equal results on WebAssembly and in TensorFlow.js's plain JavaScript, up to the rounding of long sums. */
async function expectSame(make: () => tf.Tensor, tolerance = 2e-5) {
  const results: Float32Array[] = []
  for (const engine of ['cpu', 'wasm'] as const) {
    await tf.setBackend(engine)
    const before = tf.memory().numTensors
    results.push(Float32Array.from(tf.tidy(() => make().dataSync())))
    expect(tf.memory().numTensors).toBe(before)
  }
  const [expected, ours] = results as [Float32Array, Float32Array]
  expect(ours.length).toBe(expected.length)
  const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6)
  const difference = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - ours[i]!)), 0)
  expect(difference / scale).toBeLessThan(tolerance)
}

describe('kernels of WebAssembly', () => {
  beforeAll(async () => {
    await prepareEngine({ engine: 'cpu' })
    await prepareEngine({ engine: 'wasm' })
  })

  const images = [
    [1, 5, 7],
    [3, 4, 4],
    [5, 1, 3],
    [1, 70, 33],
  ] as const
  const filters = [
    [3, 3],
    [1, 1],
    [5, 2],
    [2, 4],
  ] as const
  const edges = (
    stride: number | [number, number],
    pad: 'same' | 'valid' | 1 | [[0, 0], [number, number], [number, number], [0, 0]],
  ) => ({ strides: stride, pad, dataFormat: 'NHWC' as const })
  const attributes = [
    edges(1, 'same'),
    edges(2, 'same'),
    edges(2, 'valid'),
    edges(3, 'valid'),
    edges([2, 1], 'same'),
    edges(2, 1),
    edges(1, [
      [0, 0],
      [2, 0],
      [1, 3],
      [0, 0],
    ]),
  ]

  test.each(images.flatMap((image) => filters.map((filter) => [image, filter] as const)))(
    'gradients of convolving images %j with filters %j',
    async ([batch, height, width], [filterHeight, filterWidth]) => {
      for (const attrs of attributes) {
        for (const [inChannels, outChannels] of [
          [2, 3],
          [9, 90],
        ] as const) {
          if (inChannels === 9 && height > 5) continue
          const inputShape: [number, number, number, number] = [batch, height, width, inChannels]
          const filterShape: typeof inputShape = [filterHeight, filterWidth, inChannels, outChannels]
          const padded = attrs.pad === 'same' ? Number.POSITIVE_INFINITY : attrs.pad === 'valid' ? 0 : 2
          if (attrs.pad === 1 && Math.min(filterHeight, filterWidth) < 2) continue
          if (filterHeight > height + padded || filterWidth > width + padded) continue
          const { outShape } = tf.backend_util.computeConv2DInfo(
            inputShape,
            filterShape,
            attrs.strides,
            1,
            attrs.pad,
          )
          await expectSame(() =>
            run(
              'Conv2DBackpropInput',
              { dy: at(outShape, 1), filter: at(filterShape, 2) },
              { ...attrs, inputShape },
            ),
          )
          await expectSame(() =>
            run(
              'Conv2DBackpropFilter',
              { x: at(inputShape, 3), dy: at(outShape, 1) },
              { ...attrs, filterShape },
            ),
          )
        }
      }
    },
  )

  const whole = () => tf.reshape(tf.range(0, 24 * 30, 1, 'int32'), [4, 6, 30])
  test.each<[string, () => tf.Tensor]>([
    ['slice of integers', () => tf.slice(whole(), [1, 2, 1], [2, 3, 27])],
    ['slice to the end', () => tf.slice(whole(), [1, 2], [-1, 1])],
    ['stridedSlice', () => tf.stridedSlice(whole(), [0, 1, 2], [4, 6, 29], [2, 3, 4])],
    ['stridedSlice backwards', () => tf.stridedSlice(whole(), [3, 5, 29], [0, 0, 0], [-2, -1, -7])],
    [
      'stridedSlice with masks',
      () => tf.stridedSlice(whole(), [1, 0, 3], [0, 3, 0], [1, 1, 1], 2, 4, 0, 0, 1),
    ],
    ['reverse', () => tf.reverse(whole(), [0, 2])],
    ['tile', () => tf.tile(whole(), [2, 1, 3])],
    ['tile of bools', () => tf.tile(tf.greater(whole(), 100), [1, 2, 1])],
    [
      'gather',
      () =>
        tf.gather(
          whole(),
          tf.tensor2d(
            [
              [3, 0],
              [1, 1],
            ],
            [2, 2],
            'int32',
          ),
        ),
    ],
    ['gather of an axis', () => tf.gather(whole(), tf.tensor1d([29, 0, 4], 'int32'), 2)],
    ['gather by batch', () => tf.gather(whole(), tf.tensor2d([[1], [0], [5], [2]], [4, 1], 'int32'), 1, 1)],
    ['sum of nothing', () => tf.sum(tf.zeros([0, 3]), 0)],
    ['sum of integers', () => tf.sum(whole(), [0, 1])],
    ['matMul of nothing', () => tf.matMul(tf.zeros([2, 0]), tf.zeros([0, 3]))],
    [
      'fused matMul of a batch',
      () =>
        tf.fused.matMul({
          a: at([3, 4, 5], 1) as tf.Tensor3D,
          b: at([5, 6], 2) as tf.Tensor2D,
          bias: at([6], 3),
          activation: 'relu',
        }),
    ],
  ])('%s equals the result of plain JavaScript', async (_, make) => {
    await expectSame(() => tf.cast(make(), 'float32'))
    await tf.setBackend('wasm')
    const dtypes = tf.tidy(() => make().dtype)
    await tf.setBackend('cpu')
    expect(tf.tidy(() => make().dtype)).toBe(dtypes)
  })

  test('rejects indices out of range', async () => {
    await tf.setBackend('wasm')
    expect(() => tf.tidy(() => tf.gather(tf.ones([3]), tf.tensor1d([3], 'int32')))).toThrow(
      'indices must be from 0 to 2; got 3',
    )
    expect(() => tf.tidy(() => tf.unsortedSegmentSum(tf.ones([1]), tf.tensor1d([2], 'int32'), 2))).toThrow(
      'ids must be below 2; got 2',
    )
  })

  test('ignores negative segment ids', async () => {
    await tf.setBackend('wasm')
    const sums = tf.tidy(() =>
      tf
        .unsortedSegmentSum(tf.tensor2d([1, 2, 3, 4], [4, 1]), tf.tensor1d([1, -1, 1, 0], 'int32'), 3)
        .dataSync(),
    )
    expect([...sums]).toEqual([4, 4, 0])
  })
})
