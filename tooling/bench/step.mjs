// One SimCLR step: ResNet-18 with the CIFAR stem, 128 pairs of 32x32, projector 512-512-128, NT-Xent, SGD.
import { bare, load, peakMemory, prepared, quick, report } from './packages.mjs'

const { projector, resnet18 } = await load('backbones')
const { ntXent } = await load('losses')
const { trainingStep } = await load('train')
const tf = await bare('@tensorflow/tfjs-core')
const engine = await prepared()
const backbone = resnet18({ size: 32, stem: 'cifar' })
const head = projector({ inputs: 512, hidden: 512, outputs: 128, batchNorm: false })
const method = {
  name: 'step',
  networks: { backbone, projector: head },
  state: {},
  crops: [],
  views: ({ images }) => ({ x: images }),
  loss: ({ x }) => {
    const z = head.apply(backbone.apply(x, { training: true }), { training: true })
    return { loss: ntXent(...tf.split(z, 2), { temperature: 0.5 }) }
  },
  dispose() {},
}
const step = trainingStep(method, { name: 'sgd', momentum: 0.9, weightDecay: 5e-4 }, engine)
const images = tf.randomUniform([256, 32, 32, 3], 0, 1, 'float32', 5)
const batch = { images, labels: tf.fill([256], -1, 'int32'), indices: tf.range(0, 256, 1, 'int32') }
const steps = quick ? 4 : 8
const times = []
for (let i = 0; i < steps; i++) {
  const started = performance.now()
  const inputs = {
    seed: tf.tensor1d([1, i], 'int32'),
    learningRate: tf.scalar(0.06),
    highestRate: tf.scalar(0.06),
    progress: tf.scalar(0),
    epoch: tf.scalar(0),
  }
  const values = step.run(batch, inputs)
  values.dataSync()
  tf.dispose([values, inputs])
  times.push((performance.now() - started) / 1000)
}
// As in the peer's: the first two warm up, the fastest of the others counts.
const speed = 256 / Math.min(...times.slice(2))
report(engine, [
  { case: 'against PyTorch eager', value: speed, unit: 'images/s' },
  { case: 'against torch.compile', value: speed, unit: 'images/s' },
  { case: 'peak memory, against PyTorch eager', value: peakMemory(), unit: 'MB' },
])
