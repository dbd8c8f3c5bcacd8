// Indexes images by the features of a network, then finds those most like a given one. Needs @lancedb/lancedb and apache-arrow.
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { imagenetNormalisation as normalisation } from '@selfsup/augment'
import { convnet } from '@selfsup/backbones'
import { shapes } from '@selfsup/data'
import { prepareEngine } from '@selfsup/engine'
import { extractFeatures } from '@selfsup/evaluation'
import { openImageIndex, updateIndex } from '@selfsup/retrieval'
import { simclr } from '@selfsup/simclr'
import { train } from '@selfsup/train'

const quick = process.env.SELFSUP_QUICK === '1'
const [size, count, epochs] = quick ? [16, 128, 1] : [32, 4096, 10]
const folder = await mkdtemp(join(tmpdir(), 'selfsup-example-'))
const engine = await prepareEngine()
const images = shapes({ size, count })
const nameOf = (image: number) => `${images.classes![images.labels()![image]!]}-${image}`

const backbone = convnet({ size, widths: quick ? [8, 16] : [32, 64, 128] })
await train(simclr(backbone), images, {
  out: join(folder, 'run'),
  engine,
  epochs,
  batchSize: 64,
  learningRate: 1e-3,
  optimizer: { name: 'adamw' },
})

// An index belongs to one set of weights: the key says which. Only new and changed images get features.
const index = await openImageIndex(join(folder, 'index'), { weights: 'simclr-shapes-1', size })
const featuresOf = async (positions: Uint32Array) => {
  const { indices, values, width } = await extractFeatures(backbone, images, {
    normalisation,
    size,
    positions,
    engine,
  })
  return { images: indices, values, width }
}
const listing = { count, source: 'shapes', pathOf: nameOf, stampOf: () => images.fingerprint }
console.log(await updateIndex(index, listing, featuresOf))

const query = 7
const { values } = await featuresOf(Uint32Array.of(query))
console.log(`most like ${nameOf(query)}:`)
for (const { path, similarity } of await index.nearest(values, { k: 5 }))
  console.log(`  ${path} ${similarity.toFixed(3)}`)
index.close()
