// Writes features of images for Python: as .npy with labels in a .json, and as .parquet.
//   tsx features-in-python.ts FOLDER && python3 features_in_python.py FOLDER
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { imagenetNormalisation as normalisation } from '@selfsup/augment'
import { convnet } from '@selfsup/backbones'
import { shapes, writeFeatures } from '@selfsup/data'
import { prepareEngine } from '@selfsup/engine'
import { extractFeatures, knn } from '@selfsup/evaluation'
import { simclr } from '@selfsup/simclr'
import { train } from '@selfsup/train'

const quick = process.env.SELFSUP_QUICK === '1'
const [size, count, epochs] = quick ? [16, 256, 1] : [32, 4096, 10]
const folder = process.argv[2] ?? 'features'
await mkdir(folder, { recursive: true })
const engine = await prepareEngine()

const backbone = convnet({ size, widths: quick ? [8, 16] : [32, 64, 128] })
await train(simclr(backbone), shapes({ size, count }), {
  out: join(folder, 'run'),
  engine,
  epochs,
  batchSize: 64,
  learningRate: 1e-3,
  optimizer: { name: 'adamw' },
})

const featuresOf = (split: 'train' | 'test') =>
  extractFeatures(backbone, shapes({ size, count, split }), { normalisation, size, engine })
const [known, asked] = [await featuresOf('train'), await featuresOf('test')]
for (const [name, features] of Object.entries({ train: known, test: asked })) {
  await writeFeatures(join(folder, `${name}.npy`), features) // labels and classes go to train.json, test.json
  await writeFeatures(join(folder, `${name}.parquet`), features)
}

const { accuracy } = await knn(known, asked, { k: 1 })
console.log(`nearest neighbour accuracy ${accuracy.toFixed(4)}`)
