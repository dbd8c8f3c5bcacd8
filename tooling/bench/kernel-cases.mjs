// What kernels.mjs, kernels-stock.mjs and kernels-torch.mjs measure: small, for software adapters.
import { countOn } from './device-counts.mjs'
import { bare, load, median, quick, report } from './packages.mjs'
import { startWebgpu } from './stock-webgpu.mjs'

/**
 * @typedef {typeof import('@tensorflow/tfjs-core')} Tf
 * @typedef {import('@tensorflow/tfjs-core').Tensor} Tensor
 * @typedef {import('@tensorflow/tfjs-core').Tensor1D} Tensor1D
 * @typedef {import('@tensorflow/tfjs-core').Tensor2D} Tensor2D
 * @typedef {import('@tensorflow/tfjs-core').Tensor4D} Tensor4D
 * @typedef {import('@tensorflow/tfjs-core').Variable} Variable
 * @typedef {() => Tensor | readonly Tensor[]} Run
 */

/**
 * Runs the cases on WebGPU and reports.
 * @param {'ours' | 'stock'} side
 * @param {{ counting?: boolean }} [options] whether dispatches, bytes and memory are counted too; default true
 */
export async function measureKernels(side, { counting = true } = {}) {
  const tf = await bare('@tensorflow/tfjs-core')
  const { engine, backend } = await startWebgpu(side === 'stock')
  tf.env().set('WEBGPU_CPU_FORWARD', false) // or small tensors would be computed on the host
  const all = Object.entries(await cases(tf))
  const times = []
  for (const [, run] of all) times.push(await timed(tf, run))
  const rows = []
  const counted = counting ? countOn(backend) : undefined
  for (const [i, [name, run]] of all.entries()) {
    rows.push({ case: name, value: times[i] ?? Number.NaN, unit: 'ms' })
    if (!counted) continue
    await finished(tf, run)
    counted.reset()
    await finished(tf, run)
    rows.push(
      { case: `${name}: dispatches`, value: counted.dispatches, unit: 'dispatches' },
      { case: `${name}: bound and copied`, value: counted.bytes / 2 ** 20, unit: 'MiB' },
      { case: `${name}: peak memory`, value: counted.peak / 2 ** 20, unit: 'MiB' },
    )
  }
  report(engine, rows)
  process.exit()
}

/**
 * @param {Tf} tf
 * @param {Run} run
 */
async function timed(tf, run) {
  await finished(tf, run)
  const times = []
  for (let i = 0; i < (quick ? 3 : 11); i++) {
    const started = performance.now()
    await finished(tf, run)
    times.push(performance.now() - started)
  }
  return median(times)
}

/**
 * Runs until the first result's values are there.
 * @param {Tf} tf
 * @param {Run} run
 */
async function finished(tf, run) {
  const results = [tf.tidy(() => /** @type {Tensor[]} */ (run()))].flat()
  await results[0]?.data()
  tf.dispose(results)
}

/**
 * The same for both sides: for a backend without kernels of ours, our packages compose them of TensorFlow.js's operations.
 * @param {Tf} tf
 * @returns {Promise<Record<string, Run>>}
 */
async function cases(tf) {
  const { batchNorm, fusedTopK, ntXentOfViews, randomNormal, standardise } = await load('kernels')
  const { adamw, exponentialMovingAverage, lars, sgd } = await load('optim')
  const { simclrViews } = await load('augment')
  let drawn = 0
  /** @param {number[]} shape */
  const noise = (...shape) => tf.variable(tf.randomNormal(shape, 0, 1, 'float32', ++drawn)) // stays on the device
  const [x, filter] = [noise(16, 16, 16, 32), noise(3, 3, 32, 32)]
  const [a, b, gamma, beta] = [noise(256, 256), noise(256, 256), noise(32), noise(32)]
  const [z1, z2, keys] = /** @type {[Tensor2D, Tensor2D, Tensor2D]} */ (
    /** @type {unknown} */ ([noise(128, 64), noise(128, 64), noise(1024, 64)])
  )
  const seed = tf.variable(tf.tensor1d([1, 2], 'int32'))
  const [rate, momentum] = [tf.variable(tf.scalar(0.1)), tf.variable(tf.scalar(0.99))]
  const images = /** @type {Tensor4D} */ (tf.variable(tf.randomUniform([16, 32, 32, 3], 0, 256, 'int32', 1)))
  const sizes = Array.from({ length: 20 }, (_, i) => (i % 2 ? 64 : 9216))
  const named = () => Object.fromEntries(sizes.map((size, i) => [`w${i}`, noise(size)]))
  const [weights, gradients, averages] = [named(), named(), named()]
  const moved = () => tf.clone(/** @type {Tensor} */ (weights.w19))
  const settings = { weightDecay: 1e-4, exclude: () => false }
  const optimizers = {
    'SGD with momentum': sgd(weights, { momentum: 0.9, ...settings }),
    LARS: lars(weights, { momentum: 0.9, ...settings }),
    AdamW: adamw(weights, settings),
  }
  const updates = Object.entries(optimizers).map(([name, optimizer]) => [
    `${name}, 20 variables`,
    () => {
      optimizer.apply(gradients, { learningRate: rate })
      return moved()
    },
  ])
  /** @param {Tensor} x @param {Tensor} w */
  const convolution = (x, w) => tf.conv2d(/** @type {Tensor4D} */ (x), /** @type {Tensor4D} */ (w), 1, 'same')
  /** @param {Tensor[]} args */
  const norm = (...args) => {
    const [x, gamma, beta] = /** @type {[Tensor, Tensor1D, Tensor1D]} */ (args)
    return batchNorm(x, gamma, beta, { rectify: true }).y
  }
  const views = simclrViews({ size: 32 })
  return {
    'convolution, 16 x 16 x 16 x 32 by 3 x 3 x 32 x 32': () => convolution(x, filter),
    'its gradients': () => tf.grads(convolution)([x, filter], x),
    'product of 256 x 256': () => tf.matMul(a, b),
    'product of 256 x 256, the first transposed': () => tf.matMul(a, b, true),
    'batch normalisation with ReLU, 4096 x 32': () => norm(x, gamma, beta),
    'batch normalisation with ReLU and its gradients': () => tf.grads(norm)([x, gamma, beta], x),
    'two SimCLR views of 16 images of 32 pixels': () => views.apply({ images }, seed),
    'NT-Xent of 128 pairs with gradients': () =>
      tf.grads((a, b) => ntXentOfViews(/** @type {Tensor2D} */ (a), /** @type {Tensor2D} */ (b), 0.5))([
        z1,
        z2,
      ]),
    'standardised cross-correlation, 128 x 64': () =>
      tf.matMul(standardise(z1, 1e-5), standardise(z2, 1e-5), true),
    'the 20 largest of 128 x 1024 products of 64 values': () => {
      const best = fusedTopK(z1, keys, 20) ?? tf.topk(tf.matMul(z1, keys, false, true), 20)
      return [best.values, best.indices]
    },
    '65,536 normal numbers': () => randomNormal([65_536], seed),
    ...Object.fromEntries(updates),
    'moving averages of 20 variables': () => {
      exponentialMovingAverage(averages, weights, momentum)
      return tf.clone(/** @type {Tensor} */ (averages.w19))
    },
    'mean over 4096 x 32': () => tf.mean(x, [0, 1, 2]),
    'cumulative sums of 256 x 256': () => tf.cumsum(a, 1),
  }
}
