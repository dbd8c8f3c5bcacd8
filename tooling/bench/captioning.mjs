// Captions of synthetic shapes, two per image: CIDEr-D and BLEU-4 of a small decoder on frozen features of pretrained and of random
// weights. Results are saved in .cache/bench-shapes; delete it to start again.
import { load, prepared, quick, report } from './packages.mjs'
import { backbonesOf, compared, featuresOf, kept, labelled } from './pretrained-shapes.mjs'

const { bleu, cider, trainCaptioner } = await load('evaluation')
const engine = await prepared()
/** @type {(dataset: typeof labelled.train, features: import('@selfsup/evaluation').Features) => readonly (readonly string[])[]} */
const captionsOf = (dataset, { indices }) =>
  Array.from(indices, (position) => dataset.annotations(position).captions ?? [])

/** @param {typeof compared[number]} name */
async function scoresOf(name) {
  const { backbones } = await backbonesOf(engine)
  const features = await featuresOf(backbones[name], 'train', engine)
  const learn = { features, captions: captionsOf(labelled.train, features) }
  const captioner = await trainCaptioner(learn, { engine, steps: quick ? 60 : 2000, seed: 1 })
  const asked = await featuresOf(backbones[name], 'test', engine)
  const made = await captioner.describe(asked)
  captioner.dispose()
  for (const backbone of Object.values(backbones)) backbone.dispose()
  const known = captionsOf(labelled.test, asked)
  const pairs = made.map((caption, i) => ({ made: caption, references: known[i] ?? [] }))
  return { cider: cider(pairs), bleu4: bleu(pairs)[3] ?? Number.NaN, example: [made[0], known[0]?.[0]] }
}

const rows = []
for (const name of compared) {
  const { cider, bleu4 } = await kept.once(`captioning, ${name}`, () => scoresOf(name))
  rows.push({ case: `${name}, CIDEr-D`, value: cider, unit: 'of 10' })
  rows.push({ case: `${name}, BLEU-4`, value: 100 * bleu4, unit: '%' })
}
report(engine, rows)
process.exit()
