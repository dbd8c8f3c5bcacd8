// Captions of drawn shapes, two in each picture: CIDEr-D and BLEU-4 of a small decoder on frozen features, of weights that
// learned without labels and of random ones.
import { load, prepared, quick, report } from './packages.mjs'
import { featuresOf, labelled, withBackbones } from './pretrained-shapes.mjs'

const { bleu, cider, trainCaptioner } = await load('evaluation')
const engine = await prepared()
const captionsOf = (dataset, { indices }) =>
  Array.from(indices, (position) => dataset.annotations(position).captions)

const { rows, seconds } = await withBackbones(engine, async (backbones) => {
  const rows = []
  for (const [name, backbone] of Object.entries(backbones)) {
    const features = await featuresOf(backbone, 'train', engine)
    const learn = { features, captions: captionsOf(labelled.train, features) }
    const captioner = await trainCaptioner(learn, { engine, steps: quick ? 60 : 2000, seed: 1 })
    const asked = await featuresOf(backbone, 'test', engine)
    const made = await captioner.describe(asked)
    captioner.dispose()
    const known = captionsOf(labelled.test, asked)
    const pairs = made.map((caption, i) => ({ made: caption, references: known[i] }))
    console.error(`${name}: ${made[0]} (${known[0][0]})`)
    rows.push({ case: `${name}, CIDEr-D`, value: cider(pairs), unit: 'of 10' })
    rows.push({ case: `${name}, BLEU-4`, value: 100 * bleu(pairs)[3], unit: '%' })
  }
  return { rows }
})
report(engine, [...rows, { case: 'pretraining', value: seconds, unit: 's' }])
process.exit()
