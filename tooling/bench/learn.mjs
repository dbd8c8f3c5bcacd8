// SimCLR with the four-layer ConvNet on CIFAR-10; network, views, schedule and kNN as in learn.py.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { load, prepared, quick, report, required } from './packages.mjs'

const { imagenetNormalisation: normalisation } = await load('augment')
const { convnet } = await load('backbones')
const { openImages } = await load('data')
const { extractFeatures, knn } = await load('evaluation')
const { simclr } = await load('simclr')
const { train } = await load('train')
const engine = await prepared()
const folder = required('SELFSUP_CIFAR10')
const scratch = mkdtempSync(join(tmpdir(), 'selfsup-learn-'))
try {
  const backbone = convnet({ size: 32 })
  const method = simclr(backbone, { hidden: 512, jitter: 1 })
  const started = performance.now()
  // A new cache, so that decoding is included.
  const cacheFolder = join(scratch, 'cache')
  const known = await openImages(join(folder, 'train'), { cacheFolder })
  await train(method, known, {
    out: join(scratch, 'run'),
    engine,
    epochs: quick ? 2 : 5,
    batchSize: 256,
    learningRate: 0.06,
    optimizer: { name: 'sgd', momentum: 0.9, weightDecay: 5e-4 },
    seed: 1,
    onEpoch: ({ epoch, loss }) => console.error(`epoch ${epoch + 1} loss ${loss.toFixed(4)}`),
  })
  const seconds = (performance.now() - started) / 1000
  /** @param {import('@selfsup/core').ImageDataset} images */
  const featuresOf = (images) => extractFeatures(backbone, images, { normalisation, size: 32, engine })
  const asked = await openImages(join(folder, 'test'), { cacheFolder })
  const { accuracy } = await knn(await featuresOf(known), await featuresOf(asked), {
    k: 200,
    temperature: 0.1,
  })
  report(engine, [
    { case: 'kNN accuracy', value: 100 * accuracy, unit: '%' },
    { case: 'training, decoding included', value: seconds, unit: 's' },
  ])
} finally {
  rmSync(scratch, { recursive: true })
}
process.exit()
