// Sorts images into clusters by their features, then names each cluster after a few labelled images in it.
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { imagenetNormalisation as normalisation } from '@selfsup/augment'
import { convnet } from '@selfsup/backbones'
import { shapes } from '@selfsup/data'
import { prepareEngine } from '@selfsup/engine'
import { clusterAccuracy, extractFeatures, kMeans, normalisedMutualInformation } from '@selfsup/evaluation'
import { simclr } from '@selfsup/simclr'
import { train } from '@selfsup/train'

const quick = process.env.SELFSUP_QUICK === '1'
const [size, count, epochs, labelled] = quick ? [16, 256, 1, 64] : [32, 4096, 20, 200]
const engine = await prepareEngine()
const images = shapes({ size, count })
const classes = images.classes!

const backbone = convnet({ size, widths: quick ? [8, 16] : [32, 64, 128, 256] })
await train(simclr(backbone, { temperature: 0.2 }), images, {
  out: await mkdtemp(join(tmpdir(), 'selfsup-example-')),
  engine,
  epochs,
  batchSize: quick ? 64 : 256,
  learningRate: 1e-3,
  optimizer: { name: 'adamw', weightDecay: 1e-4 },
})

const features = await extractFeatures(backbone, images, { normalisation, size, engine })
const clusters = 2 * classes.length // more clusters than classes: each should hold one kind
const { assignments } = await kMeans(features, { clusters, seed: 1 })

// Somebody labelled the first images. Each of them votes for the name of its cluster.
const votes = Array.from({ length: clusters }, () => new Int32Array(classes.length))
for (let image = 0; image < labelled; image++) votes[assignments[image]!]![features.labels[image]!]!++
for (const [cluster, counts] of votes.entries()) {
  const most = Math.max(...counts)
  const name = most > 0 ? classes[counts.indexOf(most)] : '(no labelled image)'
  const members = assignments.filter((assigned) => assigned === cluster).length
  console.log(`cluster ${cluster}: ${name}, ${members} images, ${most} of its labelled images agree`)
}

const { accuracy } = clusterAccuracy(
  (await kMeans(features, { clusters: classes.length, seed: 1 })).assignments,
  features.labels,
)
console.log(`with one cluster for each class: accuracy ${(100 * accuracy).toFixed(1)} %`)
console.log(`NMI ${normalisedMutualInformation(assignments, features.labels).toFixed(3)}`)
