// What kernels.mjs and kernels-tfjs.mjs measure: small, for software adapters.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { count } from './device-counts.mjs'
import { bare, load, median, quick, report } from './packages.mjs'

/**
 * @typedef {typeof import('@tensorflow/tfjs-core')} Tf
 * @typedef {import('@tensorflow/tfjs-core').Tensor} Tensor
 * @typedef {import('@tensorflow/tfjs-core').Tensor1D} Tensor1D
 * @typedef {import('@tensorflow/tfjs-core').Tensor2D} Tensor2D
 * @typedef {import('@tensorflow/tfjs-core').Tensor4D} Tensor4D
 * @typedef {() => Tensor | readonly Tensor[]} Run
 */

/**
 * Runs the cases on WebGPU and reports.
 * @param {'ours' | 'stock'} side
 */
export async function measureKernels(side) {
  const tf = await bare('@tensorflow/tfjs-core')
  // Loaded before the engine replaces some of its kernels.
  const fromEngine = createRequire(new URL('../../packages/engine/package.json', import.meta.url))
  await import(pathToFileURL(fromEngine.resolve('@tensorflow/tfjs-backend-webgpu')).href)
  const stock = tf.getKernelsForBackend('webgpu')
  const { prepareEngine } = await load('engine')
  const engine = await prepareEngine({ engine: 'webgpu' })
  if (side === 'stock')
    for (const kernel of stock) {
      tf.unregisterKernel(kernel.kernelName, 'webgpu')
      tf.registerKernel(kernel)
    }
  tf.env().set('WEBGPU_CPU_FORWARD', false) // or small tensors would be computed on the host
  const { device } = /** @type {{ device: GPUDevice }} */ (/** @type {unknown} */ (tf.backend()))
  const all = Object.entries(side === 'ours' ? await ours(tf) : stockCases(tf))
  const times = []
  for (const [, run] of all) times.push(await timed(tf, run))
  const counted = count(device)
  const rows = []
  for (const [i, [name, run]] of all.entries()) {
    counted.reset()
    await finished(tf, run)
    rows.push(
      { case: name, value: times[i] ?? Number.NaN, unit: 'ms' },
      { case: `${name}: dispatches`, value: counted.dispatches, unit: 'dispatches' },
      { case: `${name}: bound and copied`, value: counted.bytes / 2 ** 20, unit: 'MiB' },
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

/** @param {Tf} tf */
function inputs(tf) {
  let seed = 0
  /** @param {number[]} shape */
  const noise = (...shape) => {
    const tensor = tf.randomNormal(shape, 0, 1, 'float32', ++seed)
    return tf.variable(tensor) // stays on the device
  }
  return {
    x: noise(16, 16, 16, 32),
    filter: noise(3, 3, 32, 32),
    a: noise(256, 256),
    b: noise(256, 256),
    gamma: noise(32),
    beta: noise(32),
    z1: noise(128, 64),
    z2: noise(128, 64),
    weights: Array.from({ length: 20 }, (_, i) => noise(i % 2 ? 64 : 9216)),
    gradients: Array.from({ length: 20 }, (_, i) => noise(i % 2 ? 64 : 9216)),
  }
}

/**
 * Cases that are the same expression on both sides.
 * @param {Tf} tf
 * @param {ReturnType<typeof inputs>} given
 */
function expressions(tf, { x, filter, a, b }) {
  /** @param {Tensor} x @param {Tensor} w */
  const convolution = (x, w) => tf.conv2d(/** @type {Tensor4D} */ (x), /** @type {Tensor4D} */ (w), 1, 'same')
  return {
    'convolution, 16 x 16 x 16 x 32 by 3 x 3 x 32 x 32': () => convolution(x, filter),
    'its gradients': () => tf.grads(convolution)([x, filter], x),
    'product of 256 x 256': () => tf.matMul(a, b),
    'product of 256 x 256, the first transposed': () => tf.matMul(a, b, true),
    'mean over 4096 x 32': () => tf.mean(x, [0, 1, 2]),
    'cumulative sum of 256 x 256': () => tf.cumsum(a, 1),
  }
}

/**
 * @param {Tf} tf
 * @returns {Promise<Record<string, Run>>}
 */
async function ours(tf) {
  const { batchNorm, ntXentOfViews, randomNormal, standardise } = await load('kernels')
  const { lars, sgd } = await load('optim')
  const given = inputs(tf)
  const { x, gamma, beta, z1, z2 } = given
  const seed = tf.tensor1d([1, 2], 'int32')
  const rate = tf.scalar(0.1)
  const named = (/** @type {Tensor[]} */ tensors) => Object.fromEntries(tensors.map((t, i) => [`w${i}`, t]))
  const weights = /** @type {Record<string, import('@tensorflow/tfjs-core').Variable>} */ (
    named(given.weights)
  )
  const optimizers = {
    sgd: sgd(weights, { momentum: 0.9, weightDecay: 1e-4 }),
    lars: lars(weights, { momentum: 0.9, weightDecay: 1e-4, exclude: () => false }),
  }
  /** @param {import('@selfsup/optim').Optimizer} optimizer */
  const update = (optimizer) => () => {
    optimizer.apply(named(given.gradients), { learningRate: rate })
    return tf.clone(/** @type {Tensor} */ (weights.w19))
  }
  const norm = (/** @type {Tensor[]} */ ...args) =>
    batchNorm(
      /** @type {Tensor} */ (args[0]),
      /** @type {Tensor1D} */ (args[1]),
      /** @type {Tensor1D} */ (args[2]),
      { rectify: true },
    ).y
  return {
    ...expressions(tf, given),
    'batch normalisation with ReLU, 4096 x 32': () => norm(x, gamma, beta),
    'batch normalisation with ReLU, with gradients': () => tf.grads(norm)([x, gamma, beta], x),
    'NT-Xent of 128 pairs with gradients': () =>
      tf.grads((a, b) => ntXentOfViews(/** @type {Tensor2D} */ (a), /** @type {Tensor2D} */ (b), 0.5))([
        z1,
        z2,
      ]),
    'standardised cross-correlation, 128 x 64': () =>
      tf.matMul(
        standardise(/** @type {Tensor2D} */ (/** @type {Tensor} */ (z1)), 1e-5),
        standardise(/** @type {Tensor2D} */ (/** @type {Tensor} */ (z2)), 1e-5),
        true,
      ),
    '65,536 normal numbers': () => randomNormal([65_536], seed),
    'SGD of 20 variables': update(optimizers.sgd),
    'LARS of 20 variables': update(optimizers.lars),
  }
}

/**
 * @param {Tf} tf
 * @returns {Record<string, Run>}
 */
function stockCases(tf) {
  const given = inputs(tf)
  const { x, gamma, beta, z1, z2, weights, gradients } = given
  const momenta = weights.map((w) => tf.variable(tf.zerosLike(w)))
  const norm = (/** @type {Tensor} */ x, /** @type {Tensor} */ gamma, /** @type {Tensor} */ beta) => {
    const { mean, variance } = tf.moments(x, [0, 1, 2])
    const scale = tf.mul(gamma, tf.rsqrt(tf.add(variance, 1e-5)))
    return tf.relu(tf.add(tf.mul(x, scale), tf.sub(beta, tf.mul(mean, scale))))
  }
  const unit = (/** @type {Tensor} */ z) => tf.div(z, tf.norm(z, 2, 1, true))
  const others = tf.sub(1, tf.eye(256))
  const ntXent = (/** @type {Tensor} */ a, /** @type {Tensor} */ b) => {
    const z = tf.concat([unit(a), unit(b)])
    const logits = tf.div(tf.matMul(z, z, false, true), 0.5)
    const all = tf.log(tf.sum(tf.mul(tf.exp(logits), others), 1))
    return tf.sub(tf.mean(all), tf.div(tf.mean(tf.sum(tf.mul(unit(a), unit(b)), 1)), 0.5))
  }
  const standardised = (/** @type {Tensor} */ z) => {
    const { mean, variance } = tf.moments(z, 0)
    return tf.mul(tf.sub(z, mean), tf.rsqrt(tf.add(variance, 1e-5)))
  }
  /** @param {(w: Tensor, g: Tensor) => Tensor} direction */
  const update = (direction) => () => {
    for (const [i, w] of weights.entries()) {
      const momentum = /** @type {import('@tensorflow/tfjs-core').Variable} */ (momenta[i])
      momentum.assign(tf.add(tf.mul(momentum, 0.9), direction(w, /** @type {Tensor} */ (gradients[i]))))
      w.assign(tf.sub(w, tf.mul(momentum, 0.1)))
    }
    return tf.clone(/** @type {Tensor} */ (weights[19]))
  }
  const decayed = (/** @type {Tensor} */ w, /** @type {Tensor} */ g) => tf.add(g, tf.mul(w, 1e-4))
  const adapted = (/** @type {Tensor} */ w, /** @type {Tensor} */ g) => {
    const length = tf.norm(w)
    const ratio = tf.div(length, tf.add(tf.add(tf.norm(g), tf.mul(length, 1e-4)), 1e-8))
    return tf.mul(decayed(w, g), tf.mul(ratio, 0.001))
  }
  return {
    ...expressions(tf, given),
    'batch normalisation with ReLU, 4096 x 32': () => norm(x, gamma, beta),
    'batch normalisation with ReLU, with gradients': () => tf.grads(norm)([x, gamma, beta], x),
    'NT-Xent of 128 pairs with gradients': () => tf.grads(ntXent)([z1, z2]),
    'standardised cross-correlation, 128 x 64': () => tf.matMul(standardised(z1), standardised(z2), true),
    '65,536 normal numbers': () => tf.randomNormal([65_536]),
    'SGD of 20 variables': update(decayed),
    'LARS of 20 variables': update(adapted),
  }
}
