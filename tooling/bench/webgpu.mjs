// A step of SimCLR on WebGPU: 16 images of 16 pixels, the four-layer ConvNet, views included. Counts what the device gets.
import { bare, load, median, quick, report } from './packages.mjs'

const { prepareEngine } = await load('engine')
const { makeMethod } = await load('runs')
const { trainingStep } = await load('train')
const tf = await bare('@tensorflow/tfjs-core')
const engine = await prepareEngine({ engine: 'webgpu' })
const { device } = /** @type {{ device: GPUDevice }} */ (/** @type {unknown} */ (tf.backend()))
const counted = count(device)

const method = await makeMethod({
  method: 'simclr',
  options: {},
  imageShape: { size: 16, channels: 3 },
  backbone: 'convnet',
  seed: 1,
})
const step = trainingStep(method, { name: 'sgd', momentum: 0.9, weightDecay: 5e-4 }, engine)
const images = /** @type {import('@tensorflow/tfjs-core').Tensor4D} */ (
  tf.randomUniform([16, 16, 16, 3], 0, 256, 'int32', 1)
)
const batch = {
  images,
  labels: /** @type {import('@tensorflow/tfjs-core').Tensor1D} */ (tf.fill([16], -1, 'int32')),
  indices: tf.range(0, 16, 1, 'int32'),
}
const times = []
for (let i = 0; i < (quick ? 3 : 8); i++) {
  counted.reset()
  const started = performance.now()
  const inputs = {
    seed: tf.tensor1d([1, i], 'int32'),
    learningRate: tf.scalar(0.06),
    highestRate: tf.scalar(0.06),
    progress: tf.scalar(0),
    epoch: tf.scalar(0),
  }
  const values = step.run(batch, inputs)
  await values.data()
  tf.dispose([values, inputs])
  times.push(performance.now() - started)
}
report(engine, [
  { case: 'SimCLR step, ConvNet, 16 images of 16 pixels', value: median(times.slice(1)), unit: 'ms' },
  { case: 'dispatches', value: counted.dispatches, unit: '' },
  { case: 'buffers bound and copied', value: counted.bytes / 2 ** 20, unit: 'MiB' },
])
process.exit()

/**
 * Counts dispatches, and the bytes of all buffers that they bind and of copies.
 * @param {GPUDevice} device
 */
function count(device) {
  const counts = { dispatches: 0, bytes: 0, reset: () => Object.assign(counts, { dispatches: 0, bytes: 0 }) }
  /** @type {WeakMap<GPUBindGroup, number>} */
  const sizes = new WeakMap()
  const createBindGroup = device.createBindGroup.bind(device)
  device.createBindGroup = (descriptor) => {
    const group = createBindGroup(descriptor)
    const bound = [...descriptor.entries].map(({ resource }) =>
      'buffer' in resource ? resource.buffer.size : 0,
    )
    sizes.set(
      group,
      bound.reduce((sum, size) => sum + size, 0),
    )
    return group
  }
  const createCommandEncoder = device.createCommandEncoder.bind(device)
  device.createCommandEncoder = (descriptor) => {
    const encoder = createCommandEncoder(descriptor)
    const copy = encoder.copyBufferToBuffer.bind(encoder)
    encoder.copyBufferToBuffer = (/** @type {any[]} */ ...args) => {
      counts.bytes += 2 * Number(args[4])
      return /** @type {any} */ (copy)(...args)
    }
    const beginComputePass = encoder.beginComputePass.bind(encoder)
    encoder.beginComputePass = (descriptor) => {
      const pass = beginComputePass(descriptor)
      let size = 0
      const setBindGroup = pass.setBindGroup.bind(pass)
      const dispatch = pass.dispatchWorkgroups.bind(pass)
      pass.setBindGroup = (/** @type {any[]} */ ...args) => {
        size = sizes.get(args[1]) ?? 0
        return /** @type {any} */ (setBindGroup)(...args)
      }
      pass.dispatchWorkgroups = (...args) => {
        counts.dispatches++
        counts.bytes += size
        return dispatch(...args)
      }
      return pass
    }
    return encoder
  }
  return counts
}
