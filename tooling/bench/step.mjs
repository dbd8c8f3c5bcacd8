// One SimCLR step (NT-Xent, SGD) of two networks: ResNet-18 with the CIFAR stem, 128 pairs of 32x32, projector
// 512-512-128; the four-layer ConvNet, 256 pairs, projector 256-512-128.
import { bare, load, peakMemory, prepared, quick, report } from './packages.mjs'

const { convnet, projector, resnet18 } = await load('backbones')
const { ntXent } = await load('losses')
const { trainingStep } = await load('train')
const tf = await bare('@tensorflow/tfjs-core')
const engine = await prepared()

/** Images per second of the fastest step; as in the peer's, the first two warm up. */
function speedOf(backbone, images) {
  const inputs = backbone.outputs[0].shape.at(-1)
  const head = projector({ inputs, hidden: 512, outputs: 128, batchNorm: false })
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
  const batch = {
    images: tf.randomUniform([images, 32, 32, 3], 0, 1, 'float32', 5),
    labels: tf.fill([images], -1, 'int32'),
    indices: tf.range(0, images, 1, 'int32'),
  }
  const times = []
  for (let i = 0; i < (quick ? 4 : 8); i++) {
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
  step.dispose()
  tf.dispose(batch)
  return images / Math.min(...times.slice(2))
}

const resnet = speedOf(resnet18({ size: 32, stem: 'cifar' }), 256)
const memory = peakMemory()
const small = speedOf(convnet({ size: 32 }), 512)
report(engine, [
  { case: 'ResNet-18, against PyTorch eager', value: resnet, unit: 'images/s' },
  { case: 'ResNet-18, against torch.compile', value: resnet, unit: 'images/s' },
  { case: 'peak memory, against PyTorch eager', value: memory, unit: 'MB' },
  { case: 'ConvNet, against PyTorch eager', value: small, unit: 'images/s' },
])
process.exit()
