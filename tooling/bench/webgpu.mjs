// A step of SimCLR on WebGPU: 16 images of 16 pixels, the four-layer ConvNet, views included. Operation by operation, and recorded
// and repeated: the time until the values are there, the time in JavaScript until the commands are sent, and what the device gets.
import { count } from './device-counts.mjs'
import { bare, load, median, quick, report } from './packages.mjs'

const { prepareEngine } = await load('engine')
const { makeMethod } = await load('runs')
const { trainingStep } = await load('train')
const tf = await bare('@tensorflow/tfjs-core')
const engine = await prepareEngine({ engine: 'webgpu' })
const { device } = /** @type {{ device: GPUDevice }} */ (/** @type {unknown} */ (tf.backend()))
const images = /** @type {import('@tensorflow/tfjs-core').Tensor4D} */ (
  tf.randomUniform([16, 16, 16, 3], 0, 256, 'int32', 1)
)
const batch = {
  images,
  labels: /** @type {import('@tensorflow/tfjs-core').Tensor1D} */ (tf.fill([16], -1, 'int32')),
  indices: tf.range(0, 16, 1, 'int32'),
}

const ways = [
  { way: 'operation by operation', eager: true },
  { way: 'repeated', eager: false },
]
const steps = quick ? 3 : 10
const timed = []
for (const { way, eager } of ways) timed.push({ way, eager, ...(await trained(eager, steps)) })
const counted = count(device)
const results = []
for (const { way, eager, whole, sending } of timed) {
  await trained(eager, 3, counted.reset) // counts the last step
  const at = `SimCLR step, ${way}`
  results.push(
    { case: at, value: whole, unit: 'ms' },
    { case: `${at}: JavaScript until it is sent`, value: sending, unit: 'ms' },
    { case: `${at}: JavaScript per dispatch`, value: (1000 * sending) / counted.dispatches, unit: 'µs' },
    { case: `${at}: dispatches`, value: counted.dispatches, unit: '' },
    { case: `${at}: buffers bound and copied`, value: counted.bytes / 2 ** 20, unit: 'MiB' },
  )
}
report(engine, results)
process.exit()

/**
 * Trains a fresh method; medians of the times of all steps but the first two.
 * @param {boolean} eager
 * @param {number} steps
 * @param {() => void} [before] each step
 */
async function trained(eager, steps, before) {
  const method = await makeMethod({
    method: 'simclr',
    options: {},
    imageShape: { size: 16, channels: 3 },
    backbone: 'convnet',
    seed: 1,
  })
  /** @type {import('@selfsup/engine').Engine} */
  const compiling = { ...engine, compile: (step, options) => engine.compile(step, { ...options, eager }) }
  const step = trainingStep(method, { name: 'sgd', momentum: 0.9, weightDecay: 5e-4 }, compiling)
  const whole = []
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
