/** @import { Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs-core' */
/** @import { LayersModel, SymbolicTensor } from '@tensorflow/tfjs-layers' */
/** @import { Method } from '@selfsup/core' */
// The four-layer ConvNet trained with CIFAR-10's labels, on crops and mirrored images, for comparison.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bare, load, prepared, required } from './packages.mjs'

const tf = await bare('@tensorflow/tfjs-core', 'simclr')
const tfl = await bare('@tensorflow/tfjs-layers', 'simclr')
const { augmentation, imagenetNormalisation: normalisation } = await load('augment')
const { convnet, initialise } = await load('backbones')
const { encoderOf } = await load('core')
const { openImages } = await load('data')
const { extractFeatures, knn, linearProbe } = await load('evaluation')
const { train } = await load('train')
const engine = await prepared()
const folder = required('SELFSUP_CIFAR10')
const epochs = Number(process.argv[2])
const scratch = mkdtempSync(join(tmpdir(), 'selfsup-supervised-'))

/**
 * Cross-entropy of a linear classifier on the features.
 * @param {LayersModel} backbone
 * @param {number} classes
 * @returns {Method<[Tensor4D, Tensor1D]> & { readonly networks: { readonly classifier: LayersModel } }}
 */
function supervised(backbone, classes) {
  const input = tfl.input({ shape: backbone.outputs[0]?.shape.slice(1) ?? [] })
  const outputs = /** @type {SymbolicTensor} */ (
    tfl.layers.dense({ units: classes, name: 'classes' }).apply(input)
  )
  const classifier = initialise(tfl.model({ inputs: input, outputs, name: 'classifier' }), 2, 'he')
  const views = augmentation([{ size: 32, scale: [0.5, 1], horizontalFlip: 0.5 }], normalisation)
  return {
    name: 'supervised',
    networks: { backbone, classifier },
    state: {},
    needs: { labels: true },
    crops: views.crops,
    views(batch, { seed }) {
      const [images] = /** @type {[Tensor4D]} */ (views.apply(batch, seed))
      return [images, batch.labels]
    },
    loss([images, labels]) {
      const features = /** @type {Tensor} */ (backbone.apply(images, { training: true }))
      const logits = /** @type {Tensor} */ (classifier.apply(features, { training: true }))
      return { loss: tf.losses.softmaxCrossEntropy(tf.oneHot(labels, classes), logits), features }
    },
    dispose: () => classifier.dispose(),
  }
}

try {
  const started = performance.now()
  const known = await openImages(join(folder, 'train'))
  const classes = known.classes?.length ?? 0
  const backbone = convnet({ size: 32 })
  const method = supervised(backbone, classes)
  /** @type {number | undefined} */
  let spread
  await train(method, known, {
    out: join(scratch, 'run'),
    engine,
    epochs,
    batchSize: 256,
    learningRate: 0.1,
    optimizer: { name: 'sgd', momentum: 0.9, weightDecay: 5e-4 },
    seed: 1,
    checkpointEvery: 100_000,
    onStep: (step) => {
      spread = step.spread
    },
  })
  const seconds = (performance.now() - started) / 1000
  const asked = await openImages(join(folder, 'test'))
  /** @param {typeof known} images */
  const featuresOf = (images) =>
    extractFeatures(encoderOf(method), images, { normalisation, size: 32, engine })
  const [from, to] = await Promise.all([featuresOf(known), featuresOf(asked)])
  const right = tf.tidy(() => {
    const inputs = tf.tensor2d(to.values, [to.labels.length, to.width])
    const logits = /** @type {Tensor2D} */ (method.networks.classifier.apply(inputs))
    return tf.mean(tf.cast(tf.equal(tf.argMax(logits, 1), tf.tensor1d(to.labels, 'int32')), 'float32'))
  })
  const results = [
    {
      features: 'supervised',
      knn: (await knn(from, to)).accuracy,
      linear: (await linearProbe(from, to)).accuracy,
      classifier: (await right.data())[0],
    },
  ]
  console.log(JSON.stringify({ command: 'methods-supervised.mjs', seconds, spread, results }))
} finally {
  rmSync(scratch, { recursive: true })
}
process.exit()
