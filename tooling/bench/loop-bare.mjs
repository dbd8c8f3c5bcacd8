// The training steps of the same run only, on a batch that is already on the device.
import { batchSize, dataset, engine, learningRate, method, optimizer, steps } from './loop-task.mjs'
import { bare, load, report } from './packages.mjs'

const { trainingStep } = await load('train')
const tf = await bare('@tensorflow/tfjs-core')
const step = trainingStep(method, optimizer, engine)
const { value: host } = await dataset.batches({ batchSize })[Symbol.asyncIterator]().next()
const batch = {
  images: tf.tensor4d(host.images.data, host.images.shape, 'int32'),
  labels: tf.tensor1d(host.labels, 'int32'),
  indices: tf.tensor1d(host.indices, 'int32'),
}
console.log('begin')
for (let i = 0; i < steps; i++) {
  const inputs = {
    seed: tf.tensor1d([1, i], 'int32'),
    learningRate: tf.scalar(learningRate),
    highestRate: tf.scalar(learningRate),
    progress: tf.scalar(i / steps),
    epoch: tf.scalar(0),
  }
  const values = step.run(batch, inputs)
  await values.data()
  tf.dispose([values, inputs])
}
report(engine, [])
console.log(`end ${steps * batchSize} images/s`)
