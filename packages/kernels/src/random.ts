import { derive, normals, type Seed, ShapeError, STREAM_STEPS, uniforms, WORD_FACTORS } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { attributes, COMPOSED, NATIVE, type NativeBackend } from './native.js'
import { drawnOnDevice, drawnOnHost, foldedOnDevice } from './webgpu/random.js'
import { WEBGPU, type WebgpuBackend } from './webgpu/webgpu-backend.js'
import { currentWorkers, rowsInAll, rowsOfThisWorker } from './workers.js'

/** Options of random numbers that belong to the images of a batch. */
interface PerImage {
  /**
   * Number of images in the batch, for numbers of shape [images, ...] or [copies * images, ...]. With several workers, each then
   * draws the numbers of its own images: those that one worker would draw for them. Default: the numbers belong to no image
   */
  readonly images?: number
}

/**
 * Uniform random numbers that depend only on the seed: the same on every engine, and also in a compiled
 * step, because the seed is an input (TensorFlow's StatelessRandomUniform; Philox 4x32-10, Salmon et
 * al. 2011). Not differentiable.
 * @param shape shape of the result
 * @param seed int32 [2]
 * @param options.min, options.max range, [min, max); [0, 1) by default
 * @param options.images number of images in the batch, if the numbers belong to images
 * @returns float32 tensor of this shape
 * @throws ShapeError if the seed is not int32 [2]
 */
export function randomUniform<R extends tf.Rank = tf.Rank>(
  shape: tf.ShapeMap[R],
  seed: tf.Tensor1D,
  { min = 0, max = 1, images }: { min?: number; max?: number } & PerImage = {},
): tf.Tensor<R> {
  assertSeed('randomUniform', seed)
  if (min === 0 && max === 1) return drawPerImage('SelfsupRandomUniform', shape, seed, images)
  return tf.tidy(() =>
    tf.add(tf.mul(drawPerImage('SelfsupRandomUniform', shape, seed, images), max - min), min),
  )
}

/**
 * Normally distributed random numbers that depend only on the seed (TensorFlow's
 * StatelessRandomNormal: Box-Muller on Philox 4x32-10). Engines agree to 1e-5. Not differentiable.
 * @param shape shape of the result
 * @param seed int32 [2]
 * @throws ShapeError if the seed is not int32 [2]
 */
export function randomNormal<R extends tf.Rank = tf.Rank>(
  shape: tf.ShapeMap[R],
  seed: tf.Tensor1D,
  { mean = 0, stdDev = 1, images }: { mean?: number; stdDev?: number } & PerImage = {},
): tf.Tensor<R> {
  assertSeed('randomNormal', seed)
  if (mean === 0 && stdDev === 1) return drawPerImage('SelfsupRandomNormal', shape, seed, images)
  return tf.tidy(() => tf.add(tf.mul(drawPerImage('SelfsupRandomNormal', shape, seed, images), stdDev), mean))
}

/**
 * Derives the seed of an independent stream. Use a separate stream for each random operation of a step; streams can be
 * nested. Equals `derive` of @selfsup/core on the host; takes seven integer operations on two words.
 * @param seed int32 [2]
 * @param stream an integer that is fixed in the program
 * @returns int32 [2]
 * @throws ShapeError if the seed is not int32 [2]
 */
export function foldIn(seed: tf.Tensor1D, stream: number): tf.Tensor1D {
  assertSeed('foldIn', seed)
  return tf.engine().runKernel(FOLD_IN, { seed }, { stream }) as tf.Tensor1D
}

/**
 * A random permutation for each row; all n! are equally likely.
 * @param rows number of permutations
 * @param n length of each permutation
 * @param seed int32 [2]
 * @param options.images number of images in the batch, if the rows belong to images
 * @returns int32 [rows, n]: each row contains 0..n-1 once
 */
export function randomOrders(
  rows: number,
  n: number,
  seed: tf.Tensor1D,
  options: PerImage = {},
): tf.Tensor2D {
  return tf.tidy(() => tf.topk(randomUniform<tf.Rank.R2>([rows, n], seed, options), n, true).indices)
}

function assertSeed(where: string, seed: tf.Tensor): void {
  if (seed.rank === 1 && seed.shape[0] === 2 && seed.dtype === 'int32') return
  throw new ShapeError(`${where}: seed must be int32 [2]; got ${seed.dtype} [${seed.shape.join(',')}]`)
}

/** Draws for all images of all workers and takes the numbers of this worker's images. */
function drawPerImage<R extends tf.Rank>(
  kernel: keyof typeof kernels,
  shape: tf.ShapeMap[R],
  seed: tf.Tensor1D,
  images: number | undefined,
): tf.Tensor<R> {
  if (images === undefined || !currentWorkers()) return draw(kernel, shape, seed)
  const [rows = images, ...rest] = shape as number[]
  if (rows % images !== 0)
    throw new ShapeError(
      `random numbers of ${images} images must be [copies * ${images}, ...]; got [${shape}]`,
    )
  return tf.tidy(() => {
    const all = draw(kernel, [rows / images, rowsInAll(images), ...rest], seed)
    return tf.reshape<R>(rowsOfThisWorker(all, 1), shape)
  })
}

function draw<R extends tf.Rank>(
  kernel: keyof typeof kernels,
  shape: tf.ShapeMap[R] | number[],
  seed: tf.Tensor1D,
): tf.Tensor<R> {
  return tf.engine().runKernel(kernel, { seed }, { shape: shape as number[] }) as tf.Tensor<R>
}

/** Runs one of TensorFlow's stateless random operations. */
function stateless(device: NativeBackend, name: string, shape: number[], seed: tf.TensorInfo): tf.Tensor {
  const sizes = tf.tensor1d(shape, 'int32')
  const types = { dtype: { type: 'float32' }, T: { type: 'int32' }, Tseed: { type: 'int32' } } as const
  const [values] = device.executeMultipleOutputs(name, attributes(device, types), [sizes, seed], 1)
  sizes.dispose()
  return values!
}

/**
 * XLA has the same generator, Philox, but converts its bits to numbers differently from TensorFlow's kernels, which use a
 * word's lowest bits as the mantissa. It also extends a seed's negative words without their sign. Therefore everything
 * except the generator is implemented here.
 */
function uniformsByXla(device: NativeBackend, shape: number[], seed: tf.Tensor1D): tf.Tensor {
  const run = (
    name: string,
    types: Parameters<typeof attributes>[1],
    ...inputs: tf.TensorInfo[]
  ): tf.Tensor => device.executeMultipleOutputs(name, attributes(device, types), inputs, 1)[0]!
  /** [n, 2] words to [n] of 64 bits */
  const wide = (words: tf.Tensor) => run('Bitcast', { T: { type: 'int32' }, type: { type: 'uint64' } }, words)
  const draw = (shape: number[], key: tf.Tensor, counter: tf.Tensor): tf.Tensor => {
    const types = { dtype: { type: 'int32' }, Tshape: { type: 'int32' } } as const
    const sizes = tf.tensor1d(shape, 'int32')
    return run('StatelessRandomUniformFullIntV2', types, sizes, key, counter, tf.scalar(PHILOX, 'int32'))
  }
  const zeros = tf.zeros([2], 'int32')
  const signs = tf.mul(tf.cast(tf.less(seed, zeros), 'int32'), tf.scalar(-1, 'int32'))
  const scrambled = draw([4], wide(tf.tensor2d([KEY], [1, 2], 'int32')), wide(tf.stack([seed, signs], 1)))
  const key = wide(tf.reshape(tf.slice(scrambled, 0, 2), [1, 2]))
  const counter = wide(tf.stack([zeros, tf.slice(scrambled, 2, 2)]))
  const lowest = tf.scalar(2 ** 23 - 1, 'int32')
  const bits = run('BitwiseAnd', { T: { type: 'int32' } }, draw(shape, key, counter), lowest)
  return tf.mul(tf.cast(bits, 'float32'), 2 ** -23)
}

/** Philox in TensorFlow's enumeration of generators. */
const PHILOX = 1

/** The key with which TensorFlow scrambles seeds (GenerateKey of stateless_random_ops.cc). */
const KEY: [number, number] = [0x3ec8f720, 0x02461e29]

/** Box-Muller as in TensorFlow: two numbers from two, sine first. */
function normalsByXla(device: NativeBackend, shape: number[], seed: tf.Tensor1D): tf.Tensor {
  const size = tf.util.sizeFromShape(shape)
  const pairs = Math.ceil(size / 2)
  const [first, second] = tf.unstack(uniformsByXla(device, [pairs, 2], seed), 1)
  const radius = tf.sqrt(tf.mul(-2, tf.log(tf.maximum(first!, 1e-7))))
  const angle = tf.mul(2 * Math.PI, second!)
  const normal = tf.stack([tf.mul(tf.sin(angle), radius), tf.mul(tf.cos(angle), radius)], 1)
  return tf.reshape(tf.slice(tf.reshape(normal, [2 * pairs]), 0, size), shape)
}

const kernels = {
  SelfsupRandomUniform: {
    native: 'StatelessRandomUniform',
    byXla: uniformsByXla,
    host: uniforms,
    distribution: 'uniform',
  },
  SelfsupRandomNormal: {
    native: 'StatelessRandomNormal',
    byXla: normalsByXla,
    host: normals,
    distribution: 'normal',
  },
} as const

const FOLD_IN = 'SelfsupFoldIn'

tf.registerKernel({
  kernelName: FOLD_IN,
  backendName: NATIVE,
  // 32-bit sums and products wrap around. On a GPU TensorFlow keeps such small integers on the host.
  kernelFunc: ({ inputs, attrs }) =>
    tf.tidy(() => {
      const { stream } = attrs as { stream: number }
      const words = (values: readonly number[]) => tf.tensor1d(Int32Array.from(values), 'int32')
      const moved = tf.add(
        inputs.seed as tf.Tensor,
        words(STREAM_STEPS.map((step) => Math.imul(stream + 1, step))),
      )
      const mixed = tf.add(tf.mul(moved, tf.add(moved, moved)), moved)
      return tf.add(tf.mul(mixed, words(WORD_FACTORS)), tf.reverse(mixed, 0))
    }),
})

for (const [kernelName, { native, byXla, host, distribution }] of Object.entries(kernels)) {
  tf.registerKernel({
    kernelName,
    backendName: NATIVE,
    kernelFunc: ({ inputs, attrs, backend }) => {
      const device = backend as NativeBackend
      const { shape } = attrs as { shape: number[] }
      if (device.byXla) return tf.tidy(() => byXla(device, shape, inputs.seed as tf.Tensor1D))
      return stateless(device, native, shape, inputs.seed!)
    },
  })
  for (const backendName of COMPOSED) {
    tf.registerKernel({
      kernelName,
      backendName,
      // Tensors of these engines are in host memory, so the host draws; on WebGPU only small ones are.
      kernelFunc: ({ inputs, attrs, backend }) => {
        const { shape } = attrs as { shape: number[] }
        const device = backend as unknown as WebgpuBackend
        if (backendName === WEBGPU && !drawnOnHost(device, inputs.seed!, tf.util.sizeFromShape(shape)))
          return drawnOnDevice(device, inputs.seed!, shape, distribution)
        const memory = backend as HostBackend
        const seed = memory.readSync(inputs.seed!.dataId)
        const values = host([seed[0]!, seed[1]!] as Seed, tf.util.sizeFromShape(shape))
        return { dataId: memory.write(values, shape, 'float32'), shape, dtype: 'float32' }
      },
    })
  }
}

for (const backendName of COMPOSED) {
  tf.registerKernel({
    kernelName: FOLD_IN,
    backendName,
    kernelFunc: ({ inputs, attrs, backend }) => {
      const { stream } = attrs as { stream: number }
      const device = backend as unknown as WebgpuBackend
      if (backendName === WEBGPU && !drawnOnHost(device, inputs.seed!, 2))
        return foldedOnDevice(device, inputs.seed!, stream)
      const memory = backend as HostBackend
      const [first, second] = memory.readSync(inputs.seed!.dataId)
      const words = Int32Array.from(derive([first!, second!], stream))
      return { dataId: memory.write(words, [2], 'int32'), shape: [2], dtype: 'int32' }
    },
  })
}

interface HostBackend {
  readSync(dataId: tf.DataId): Int32Array
  write(values: Float32Array | Int32Array, shape: number[], dtype: 'float32' | 'int32'): tf.DataId
}
