// SimCLR views: (a) of decoded 32x32 pictures, (b) of 500x375 JPEG files to 224x224, decoding included.
import { mkdirSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { prepareEngine } from '../../packages/engine/dist/index.js'
import { bare, load } from './packages.mjs'

const { simclrViews } = await load('augment')
const { openImages, shapes } = await load('data')
const tf = await bare('@tensorflow/tfjs-core')
await prepareEngine({ engine: process.env.SELFSUP_ENGINE ?? 'tensorflow' })
const seconds = process.env.SELFSUP_QUICK ? 4 : 12

async function rate(dataset, augmentation, batchSize) {
  let views = 0
  let started
  for (let epoch = 0; ; epoch++) {
    const seedOf = (batch) => [epoch, batch]
    for await (const host of dataset.batches({
      batchSize,
      dropLast: true,
      shuffle: [1, epoch],
      crops: augmentation.crops,
      seedOf,
    })) {
      const tensor = ({ data, shape }) => tf.tensor4d(data, [...shape], 'int32')
      const made = tf.tidy(() =>
        augmentation.apply(
          { images: host.images && tensor(host.images), crops: host.crops?.map(tensor) },
          tf.tensor1d([epoch, 1], 'int32'),
        ),
      )
      await made.at(-1).data()
      tf.dispose(made)
      // The first batch warms up.
      if (started === undefined) started = performance.now()
      else views += batchSize * made.length
      const elapsed = (performance.now() - started) / 1000
      if (elapsed > seconds) return views / elapsed
    }
  }
}

/** Drawn pictures as 400 JPEG files of 500x375, made once. */
async function photographs() {
  const folder = join(tmpdir(), 'selfsup-bench-500x375')
  mkdirSync(folder, { recursive: true })
  if (readdirSync(folder).length < 400) {
    const { default: sharp } = await bare('sharp', 'data')
    const drawn = shapes({ size: 64, count: 400 })
    for await (const { images, indices } of drawn.batches({ batchSize: 1 })) {
      await sharp(images.data, { raw: { width: 64, height: 64, channels: 3 } })
        .resize(500, 375, { fit: 'fill' })
        .jpeg({ quality: 90 })
        .toFile(join(folder, `${String(indices[0]).padStart(4, '0')}.jpg`))
    }
  }
  return folder
}

const small = await rate(shapes({ size: 32, count: 2560 }), simclrViews({ size: 32, gaussianBlur: 0 }), 256)
const large = await rate(await openImages(await photographs()), simclrViews({ size: 224 }), 64)
console.log(
  JSON.stringify([
    { case: '(a) 32x32, decoded', value: small, unit: 'views/s' },
    { case: '(b) 500x375 JPEG to 224', value: large, unit: 'views/s' },
  ]),
)
