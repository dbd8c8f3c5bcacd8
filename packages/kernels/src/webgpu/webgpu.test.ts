import { uniforms } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { prepareEngine } from '../../../../tooling/vitest/engines.js'
import { missingWebgpu } from '../../../../tooling/vitest/webgpu.js'
import { batchNorm } from '../batch-norm.js'
import { standardise } from '../standardise.js'
import { fusedTopK } from '../top-k-of-products.js'

const missing = await missingWebgpu()

/** Standard normal-like values that are always the same. */
function noise(shape: readonly number[], stream: number, scale = 1): tf.Tensor {
  const values = uniforms([7, stream], tf.util.sizeFromShape([...shape])).map(
    (value) => (value - 0.5) * 4 * scale,
  )
  return tf.tensor(values, [...shape])
}

/** Cases by name, each with tensors that every engine must agree on. */
const cases: Record<string, () => tf.Tensor[]> = {}

for (const [m, k, n] of [
  [3, 257, 7],
  [257, 3, 32],
] as const) {
  cases[`products of ${m} x ${k} x ${n}`] = () =>
    [
      [false, false],
      [false, true],
      [true, false],
    ].map(([a, b]) => tf.matMul(noise(a ? [k, m] : [m, k], 1), noise(b ? [n, k] : [k, n], 2), a, b))
}
cases['products of batches, and of a batch with one matrix'] = () => [
  tf.matMul(noise([3, 5, 8], 1), noise([3, 8, 6], 2)),
  tf.matMul(noise([3, 8, 5], 1), noise([3, 8, 6], 2), true),
  tf.matMul(noise([3, 5, 8], 1), noise([1, 6, 8], 2), false, true),
]
cases['products and convolutions with bias and ReLU'] = () => [
  tf.fused.matMul({ a: noise([5, 6], 1), b: noise([8, 6], 2), transposeB: true, bias: noise([8], 3) }),
  ...[7, 8].flatMap((n) => [
    tf.fused.matMul({ a: noise([5, 6], 1), b: noise([6, n], 2), bias: noise([n], 3), activation: 'relu' }),
    tf.fused.conv2d({
      x: noise([2, 5, 5, 3], 1) as tf.Tensor4D,
      filter: noise([3, 3, 3, n], 2) as tf.Tensor4D,
      strides: 2,
      pad: 'same',
      bias: noise([n], 3),
      activation: 'relu',
    }),
  ]),
]
cases['a transposed convolution to another size than its padding says'] = () => [
  tf.conv2dTranspose(
    noise([1, 8, 8, 8], 1) as tf.Tensor4D,
    noise([8, 8, 8, 8], 2) as tf.Tensor4D,
    [1, 4, 4, 8],
    1,
    'same',
  ),
]
cases['a product over many rows, summed in parts'] = () => [
  tf.matMul(noise([5000, 12], 1), noise([5000, 5], 2), true),
]

for (const [size, ci, co, filter, stride, pad] of [
  [7, 3, 5, 3, 2, 'valid'],
  [1, 1, 1, 1, 1, 'valid'],
  [
    7,
    16,
    16,
    3,
    2,
    [
      [0, 0],
      [1, 1],
      [1, 1],
      [0, 0],
    ],
  ],
] as const) {
  cases[
    `a convolution of ${size} x ${size} x ${ci} by ${filter} x ${filter} x ${co}, stride ${stride}, and its gradients`
  ] = () => {
    const run = (x: tf.Tensor, w: tf.Tensor) =>
      tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, stride, pad as 'same')
    const inputs = [noise([2, size, size, ci], 3), noise([filter, filter, ci, co], 4)] as const
    const y = run(...inputs)
    return [y, ...tf.grads(run)([...inputs], noise(y.shape, 5))]
  }
}
cases['a dilated convolution'] = () => [
  tf.conv2d(
    noise([1, 9, 9, 4], 1) as tf.Tensor4D,
    noise([3, 3, 4, 4], 2) as tf.Tensor4D,
    1,
    'same',
    'NHWC',
    2,
  ),
]
for (const rectify of [false, true]) {
  for (const [shape, shift] of [
    [[257, 3], 100],
    [[3, 5, 4, 33], 0],
  ] as const) {
    cases[
      `batch normalisation of [${shape}] around ${shift}${rectify ? ', rectified' : ''}, and its gradients`
    ] = () => {
      const channels = shape.at(-1)!
      const run = (x: tf.Tensor, gamma: tf.Tensor1D, beta: tf.Tensor1D) =>
        batchNorm(x, gamma, beta, { rectify })
      const inputs = [tf.add(noise(shape, 1), shift), noise([channels], 2), noise([channels], 3)]
      const { y, mean, variance } = run(...(inputs as [tf.Tensor, tf.Tensor1D, tf.Tensor1D]))
      const gradients = tf.grads((...args) => run(...(args as [tf.Tensor, tf.Tensor1D, tf.Tensor1D])).y)
      return [y, mean, variance, ...gradients(inputs, noise(shape, 4))]
    }
  }
}
for (const [shape, axis] of [
  [[3, 5], 0],
  [[257, 3], undefined],
  [
    [4, 5, 7, 3],
    [0, 2],
  ],
  [[1], 0],
  [[2, 3000], 1],
] as const) {
  cases[`reductions of [${shape}] over ${axis ?? 'all axes'}`] = () => {
    const x = noise(shape, 1)
    const integers = tf.cast(tf.mul(x, 10), 'int32')
    return [true, false].flatMap((keep) => [
      ...[tf.sum, tf.mean, tf.max, tf.min].map((reduce) => reduce(x, axis as number, keep)),
      ...[tf.sum, tf.max, tf.min].map((reduce) => reduce(integers, axis as number, keep)),
      tf.sum(tf.greater(x, 0), axis as number, keep),
      tf.prod(tf.add(tf.mul(x, 0.01), 1), axis as number, keep),
    ])
  }
}
cases['transpositions, of integers and booleans too'] = () => {
  const x = noise([2, 3, 4, 5], 1)
  const integers = tf.cast(tf.mul(x, 100), 'int32')
  return [x, integers, tf.greater(x, 0), tf.cast(integers, 'float32')].flatMap((tensor) => [
    tf.transpose(tensor, [0, 2, 1, 3]),
    tf.transpose(tensor),
  ])
}
// Several lengths, one after the other: a program must not be used for another length.
for (const [shape, axis] of [
  [[3], 0],
  [[2, 7, 5], 1],
  [[300, 2], 0],
] as const) {
  cases[`cumulative sums and products of [${shape}] along axis ${axis}`] = () => {
    const x = tf.add(tf.mul(noise(shape, 1), 0.1), 1)
    const integers = tf.cast(tf.mul(x, 10), 'int32')
    return [
      [false, false],
      [false, true],
      [true, false],
      [true, true],
    ].flatMap(([exclusive, reverse]) => [
      tf.cumsum(x, axis, exclusive, reverse),
      tf.cumsum(integers, axis, exclusive, reverse),
      tf.cumprod(x, axis, exclusive, reverse),
      tf.grad((x) => tf.cumsum(x, axis, exclusive, reverse))(x, noise(shape, 2)),
    ])
  }
}
// Ids that occur several times, once, never, and none of a segment; 5000 rows are added up column by column.
for (const [rows, columns, segments] of [
  [1, 1, 1],
  [257, 3, 9],
  [5000, 5, 7],
] as const) {
  cases[`sums of ${rows} rows of ${columns} in ${segments} segments`] = () => {
    const ids = tf.tensor1d(
      Array.from({ length: rows }, (_, i) => ((i * i) % (segments + 2)) - 1),
      'int32',
    )
    const x = noise([rows, columns], 1)
    return [x, tf.cast(tf.mul(x, 10), 'int32')].map((x) => tf.unsortedSegmentSum(x, ids, segments))
  }
}
cases['the gradient of a gather'] = () => [
  tf.grad((x) => tf.gather(x, tf.tensor1d([2, 0, 2, 2], 'int32')))(noise([3, 5], 1), noise([4, 5], 2)),
]
cases['counts of numbers, with and without weights'] = () => {
  const x = tf.tensor1d([0, 3, 3, 7, 1, 3], 'int32')
  const none = tf.tensor1d([])
  return [
    tf.bincount(x, none, 5),
    tf.bincount(tf.reshape(x, [2, 1, 3]) as unknown as tf.Tensor1D, none, 5),
    tf.bincount(x, noise([6], 1) as tf.Tensor1D, 8),
    tf.denseBincount<tf.Tensor1D | tf.Tensor2D>(tf.reshape(x, [2, 3]) as tf.Tensor2D, none, 4),
    tf.denseBincount<tf.Tensor1D | tf.Tensor2D>(tf.reshape(x, [2, 3]) as tf.Tensor2D, none, 4, true),
  ]
}
// One part and several; equal products; values below zero.
for (const [rows, columns, features, k] of [
  [3, 257, 8, 5],
  [2, 1025, 3, 33],
  [1, 1, 1, 1],
] as const) {
  cases[`the ${k} largest of ${columns} products of ${rows} queries`] = () => {
    const queries = tf.round(noise([rows, features], 1, 2)) as tf.Tensor2D
    const keys = tf.round(noise([columns, features], 2, 2)) as tf.Tensor2D
    const { values, indices } =
      fusedTopK(queries, keys, k) ?? tf.topk(tf.matMul(queries, keys, false, true), k, true)
    return [values, indices]
  }
}
cases['standardised features, and their gradient'] = () => {
  const z = tf.add(noise([33, 7], 1), 5)
  const run = (z: tf.Tensor) => standardise(z as tf.Tensor2D, 1e-5)
  return [run(z), tf.grad(run)(z, noise([33, 7], 2))]
}
cases['activations, and near 0'] = () => {
  const x = tf.concat([noise([257], 1, 3), noise([33], 2, 0.03)])
  return [tf.elu, tf.selu, tf.relu6, tf.softplus, tf.expm1].map((f) => f(x))
}
cases['digits of small values'] = () => {
  const x = tf.abs(noise([33], 2, 1e-4))
  return [tf.div(tf.expm1(x), x), tf.div(tf.log1p(x), x)]
}
cases['sines, cosines and tangents to many digits'] = () => {
  const x = tf.concat([noise([257], 1, 3), noise([257], 2, 1000)])
  return [tf.sin(x), tf.cos(x), tf.tan(noise([257], 1, 0.7))]
}

describe.skipIf(missing)(missing ?? 'kernels on WebGPU', () => {
  const expected = new Map<string, Float32Array[]>()
  let onHost: boolean | undefined
  let tensors: number

  beforeAll(async () => {
    await prepareEngine({ engine: 'cpu' })
    for (const [name, compute] of Object.entries(cases)) expected.set(name, values(compute))
    await prepareEngine({ engine: 'webgpu' })
    onHost = tf.env().getBool('WEBGPU_CPU_FORWARD')
    tf.env().set('WEBGPU_CPU_FORWARD', false) // or TensorFlow.js computes small tensors in JavaScript
  })
  afterAll(() => {
    if (onHost !== undefined) tf.env().set('WEBGPU_CPU_FORWARD', onHost)
  })
  beforeEach(() => {
    tensors = tf.memory().numTensors
  })
  afterEach(() => {
    expect(tf.memory().numTensors).toBe(tensors)
  })

  function values(compute: () => tf.Tensor[]): Float32Array[] {
    return tf.tidy(() => compute().map((tensor) => Float32Array.from(tensor.dataSync())))
  }

  test.each(Object.keys(cases))('%s: as in plain JavaScript', (name) => {
    const got = values(cases[name]!)
    const wanted = expected.get(name)!
    expect(got.map(({ length }) => length)).toEqual(wanted.map(({ length }) => length))
    for (const [i, tensor] of wanted.entries()) {
      const scale = tensor.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3)
      const worst = tensor.reduce((most, value, j) => Math.max(most, Math.abs(value - got[i]![j]!)), 0)
      expect(worst / scale, `tensor ${i}`).toBeLessThan(2e-5)
    }
  })

  test('the gradient of batch normalisation equals finite differences', () => {
    tf.tidy(() => {
      const [x, gamma, beta, weights] = [noise([6, 2], 1), noise([2], 2), noise([2], 3), noise([6, 2], 4)]
      const loss = (x: tf.Tensor) =>
        tf.sum(tf.mul(batchNorm(x, gamma as tf.Tensor1D, beta as tf.Tensor1D).y, weights)) as tf.Scalar
      const gradient = tf.grad(loss)(x).dataSync()
      const step = 1e-2
      for (let i = 0; i < x.size; i++) {
        const moved = (by: number) =>
          tf.add(
            x,
            tf.tensor(
              Float32Array.from({ length: x.size }, (_, j) => (i === j ? by : 0)),
              x.shape,
            ),
          )
        const slope = (loss(moved(step)).dataSync()[0]! - loss(moved(-step)).dataSync()[0]!) / (2 * step)
        expect(gradient[i]).toBeCloseTo(slope, 2)
      }
    })
  })

  test('products of integers are integers, those of integers and floats are floats', () => {
    tf.tidy(() => {
      const a = tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3], 'int32')
      const b = tf.tensor2d([0, 1, -3, 2, 2, 1], [3, 2], 'int32')
      const products = [b, tf.cast(b, 'bool'), tf.cast(b, 'float32')].map((other) => tf.matMul(a, other))
      expect(products.map(({ dtype }) => dtype)).toEqual(['int32', 'int32', 'float32'])
      expect(products.map((product) => [...product.dataSync()])).toEqual([
        [0, 8, -3, 20],
        [5, 6, 11, 15],
        [0, 8, -3, 20],
      ])
    })
  })

  test('tiny and huge values keep their digits', () => {
    tf.tidy(() => {
      for (const scale of [1e-15, 1e15]) {
        const product = tf.matMul(noise([5, 9], 1, scale), noise([9, 5], 2)).dataSync()
        const plain = tf.matMul(noise([5, 9], 1), noise([9, 5], 2)).dataSync()
        for (const [i, value] of plain.entries()) expect(product[i]! / scale).toBeCloseTo(value, 4)
      }
    })
  })

  test('NaNs stay NaNs, so that a diverged run is noticed', () => {
    tf.tidy(() => {
      const x = tf.tensor1d([Number.NaN, 1])
      for (const operation of [
        tf.exp,
        tf.log,
        tf.log1p,
        tf.sigmoid,
        tf.softmax,
        tf.sum,
        tf.mean,
        tf.max,
        tf.min,
        (x: tf.Tensor) =>
          tf.fused.matMul({ a: tf.reshape(x, [2, 1]), b: tf.ones([1, 3]), activation: 'relu' }),
        tf.relu6,
        tf.elu,
        tf.selu,
        tf.expm1,
        tf.softplus,
        tf.sin,
        tf.acosh,
        tf.asinh,
        tf.atanh,
      ])
        expect(operation(x).dataSync()[0], operation.name).toBeNaN()
    })
  })
})
