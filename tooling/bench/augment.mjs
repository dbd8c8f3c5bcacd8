// SimCLR views: (a) from decoded 32x32 images, (b) from 500x375 JPEG files to 224x224, including decoding.
import { mkdirSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
/** @import { Tensor1D } from '@tensorflow/tfjs-core' */
/** @import { Augmentation } from '@selfsup/augment' */
import { bare, load, prepared, quick, report } from './packages.mjs'

const { simclrViews } = await load('augment')
const { openImages, recordDataset, shapes } = await load('data')
const tf = await bare('@tensorflow/tfjs-core')
const engine = await prepared()
const seconds = quick ? 6 : 15

/**
 * @param {import('@selfsup/core').ImageDataset} dataset
 * @param {Augmentation} augmentation
 * @param {number} batchSize
 */
async function rate(dataset, augmentation, batchSize) {
  const make = engine.compile(
    (/** @type {Parameters<Augmentation['apply']>[0]} */ batch, /** @type {Tensor1D} */ seed) =>
      augmentation.apply(batch, seed),
  )
  /** @param {import('@selfsup/core').HostImages} images */
  const tensor = ({ data, shape }) => tf.tensor4d(data, [...shape], 'int32')
  let views = 0
  let started
  for (let epoch = 0; ; epoch++) {
    const { crops } = augmentation
    /** @type {(batch: number) => import('@selfsup/core').Seed} */
    const seedOf = (batch) => [epoch, batch]
    for await (const host of dataset.batches({
      batchSize,
      dropLast: true,
      shuffle: [1, epoch],
      crops,
      seedOf,
    })) {
      const batch = { images: host.images && tensor(host.images), crops: host.crops?.map(tensor) }
      const seed = tf.tensor1d([epoch, views], 'int32')
      const made = make(batch, seed)
      // Reading a number of the last view waits for all of them.
      tf.tidy(() => made.map((view) => tf.max(view).dataSync()))
      tf.dispose([batch.images, batch.crops, seed, made])
      // The first batch is for warm-up.
      if (started === undefined) started = performance.now()
      else views += batchSize * made.length
      const elapsed = (performance.now() - started) / 1000
      if (elapsed > seconds) return views / elapsed
    }
  }
}

/** Decoded images in memory, like the peer's. */
function small() {
  const size = 32 * 32 * 3
  const pixels = Uint8Array.from({ length: 2560 * size }, () => 256 * Math.random())
  return recordDataset({
    name: 'small',
    count: 2560,
    height: 32,
    width: 32,
    channels: 3,
    fingerprint: 'small',
    read: (positions, target) =>
      positions.forEach((position, i) => {
        target.set(pixels.subarray(position * size, (position + 1) * size), i * size)
      }),
  })
}

/** Synthetic images as 400 JPEG files of 500x375, created once; the peer reads the same files. */
async function photographs() {
  const folder = join(tmpdir(), 'selfsup-bench-500x375')
  mkdirSync(folder, { recursive: true })
  if (readdirSync(folder).length < 400) {
    const { default: sharp } = await bare('sharp', 'data')
    for await (const { images, indices } of shapes({ size: 64, count: 400 }).batches({ batchSize: 1 })) {
      if (!images) throw new Error('the synthetic dataset returned no images')
      await sharp(images.data, { raw: { width: 64, height: 64, channels: 3 } })
        .resize(500, 375, { fit: 'fill' })
        .jpeg({ quality: 90 })
        .toFile(join(folder, `${String(indices[0]).padStart(4, '0')}.jpg`))
    }
  }
  return openImages(folder)
}

report(engine, [
  {
    case: '(a) 32x32, decoded',
    value: await rate(small(), simclrViews({ size: 32, gaussianBlur: 0 }), 256),
    unit: 'views/s',
  },
  {
    case: '(b) 500x375 JPEG to 224x224',
    value: await rate(await photographs(), simclrViews({ size: 224 }), 64),
    unit: 'views/s',
  },
])
process.exit()
