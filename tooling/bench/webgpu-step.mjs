import { countOn } from './device-counts.mjs'
import { bare, load, median, report } from './packages.mjs'
import { startWebgpu } from './stock-webgpu.mjs'

/**
 * A step of SimCLR on WebGPU: 16 images of 16 pixels, the four-layer ConvNet, views included. The time until its values are there,
 * the time in JavaScript until the commands are sent, and what the device gets.
 * @param {'ours' | 'stock'} side
 */
export async function measureStep(side) {
  const { engine, backend } = await startWebgpu(side === 'stock')
  const counted = countOn(backend)
  // Ours is recorded by the first call and repeated by the others. The last step is counted.
  const { whole, sending } = await trained(engine, side === 'ours' ? 4 : 3, counted.reset)
  const { dispatches, bytes, peak } = counted
  const rows = [
    { case: 'SimCLR step', value: whole, unit: 'ms' },
    { case: 'dispatches', value: dispatches, unit: 'dispatches' },
    { case: 'buffers bound and copied', value: bytes / 2 ** 20, unit: 'MiB' },
    { case: 'peak memory of tensors', value: peak / 2 ** 20, unit: 'MiB' },
    { case: 'JavaScript until it is sent', value: sending, unit: 'ms' },
    { case: 'JavaScript for each dispatch', value: (1000 * sending) / dispatches, unit: 'µs' },
  ]
  if (side === 'ours') {
    /** @type {typeof engine} */
    const eager = {
      ...engine,
      compile: (step, options) => engine.compile(step, { ...options, eager: true }),
    }
    const { sending } = await trained(eager, 3, counted.reset)
    const { dispatches, bytes, peak } = counted
    const way = 'not recorded'
    rows.push(
      { case: `dispatches, ${way}`, value: dispatches, unit: 'dispatches' },
      { case: `buffers bound and copied, ${way}`, value: bytes / 2 ** 20, unit: 'MiB' },
      { case: `peak memory of tensors, ${way}`, value: peak / 2 ** 20, unit: 'MiB' },
      { case: `JavaScript for each dispatch, ${way}`, value: (1000 * sending) / dispatches, unit: 'µs' },
    )
  }
  report(engine, rows)
  process.exit()
}

/**
 * Trains a fresh method; medians of the times of all steps but the first two.
 * @param {import('@selfsup/engine').Engine} engine
 * @param {number} steps
 * @param {() => void} [before] each step
 */
async function trained(engine, steps, before) {
  const { makeMethod } = await load('runs')
  const { trainingStep } = await load('train')
  const tf = await bare('@tensorflow/tfjs-core')
  const method = await makeMethod({
    method: 'simclr',
    options: {},
    imageShape: { size: 16, channels: 3 },
    backbone: 'convnet',
    seed: 1,
  })
  const step = trainingStep(method, { name: 'sgd', momentum: 0.9, weightDecay: 5e-4 }, engine)
  const batch = {
    images: /** @type {import('@tensorflow/tfjs-core').Tensor4D} */ (
      tf.randomUniform([16, 16, 16, 3], 0, 256, 'int32', 1)
    ),
    labels: /** @type {import('@tensorflow/tfjs-core').Tensor1D} */ (tf.fill([16], -1, 'int32')),
    indices: tf.range(0, 16, 1, 'int32'),
  }
  /** @type {number[]} */
  const whole = []
  /** @type {number[]} */
  const sending = []
  for (let i = 0; i < steps; i++) {
    const inputs = {
      seed: tf.tensor1d([1, i], 'int32'),
      learningRate: tf.scalar(0.06),
      highestRate: tf.scalar(0.06),
      progress: tf.scalar(0),
      epoch: tf.scalar(0),
    }
    before?.()
    const started = performance.now()
    const values = step.run(batch, inputs)
    sending.push(performance.now() - started)
    await values.data()
    whole.push(performance.now() - started)
    tf.dispose([values, inputs])
  }
  step.dispose()
  return { whole: median(whole.slice(2)), sending: median(sending.slice(2)) }
}
