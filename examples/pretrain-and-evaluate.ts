// Pretrains SimCLR on drawn images without looking at their labels, then measures how good the features are.
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { imagenetNormalisation as normalisation } from '@selfsup/augment'
import { convnet } from '@selfsup/backbones'
import { shapes } from '@selfsup/data'
import { prepareEngine } from '@selfsup/engine'
import { extractFeatures, knn, linearProbe } from '@selfsup/evaluation'
import { simclr } from '@selfsup/simclr'
import { train } from '@selfsup/train'

const quick = process.env.SELFSUP_QUICK === '1'
const [size, count, epochs] = quick ? [16, 256, 1] : [32, 4096, 20]
const l2 = quick ? [1e-3] : undefined // of the probe; by default the best of four is chosen

const engine = await prepareEngine()
console.log(engine.description)

const images = shapes({ size, count }) // or: await openImages('images')
const testImages = shapes({ size, count: count / 4, split: 'test' })

/** Accuracies of the features that a network makes of images it was not trained on. */
async function evaluate(name: string, backbone: ReturnType<typeof convnet>): Promise<void> {
  const known = await extractFeatures(backbone, images, { normalisation, size, engine })
  const asked = await extractFeatures(backbone, testImages, { normalisation, size, engine })
  const [neighbours, probe] = [await knn(known, asked), await linearProbe(known, asked, { l2 })]
  console.log(`${name}: kNN ${percent(neighbours.accuracy)}, linear probe ${percent(probe.accuracy)}`)
}
const percent = (part: number) => `${(100 * part).toFixed(1)} %`

const backbone = convnet({ size, widths: quick ? [8, 16] : [32, 64, 128, 256] })
await evaluate('random weights', backbone)

const out = await mkdtemp(join(tmpdir(), 'selfsup-example-'))
const result = await train(simclr(backbone, { temperature: 0.2 }), images, {
  out,
  engine,
  epochs,
  batchSize: quick ? 64 : 256,
  learningRate: 1e-3,
  optimizer: { name: 'adamw', weightDecay: 1e-4 },
  onEpoch: ({ epoch, loss }) => console.log(`epoch ${epoch + 1}: loss ${loss.toFixed(3)}`),
})
await evaluate('SimCLR', backbone)
console.log(`${result.step} steps; checkpoints and the exported backbone are in ${out}`)
