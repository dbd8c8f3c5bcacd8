// Detection of synthetic shapes, two per image: COCO's mean average precision of a small detector on a backbone, frozen and fine-tuned,
// with pretrained and with random weights. Results are saved in .cache/bench-shapes; delete it to start again.
import { load, prepared, quick, report } from './packages.mjs'
import {
  backbonesOf,
  compared,
  kept,
  labelled,
  networkOf,
  normalisation,
  size,
} from './pretrained-shapes.mjs'

const { detectionScores, trainDetector } = await load('evaluation')
const engine = await prepared()
const options = { engine, size, normalisation, steps: quick ? 60 : 1500, seed: 1 }
const rates = { frozen: 0, 'fine-tuned': 0.25 }

/**
 * Fine-tuning changes the weights, so that each measurement has its own copy.
 * @param {typeof compared[number]} name
 * @param {number} networkRate
 */
async function scoresOf(name, networkRate) {
  const { backbones } = await backbonesOf(engine)
  const learn = { dataset: labelled.train }
  const detector = await trainDetector(networkOf(backbones[name]), learn, { ...options, networkRate })
  const { ap, ap50 } = detectionScores(await detector.detect({ dataset: labelled.test }))
  detector.dispose()
  for (const backbone of Object.values(backbones)) backbone.dispose()
  return { ap, ap50 }
}

const rows = []
for (const [how, rate] of Object.entries(rates)) {
  for (const name of compared) {
    const { ap, ap50 } = await kept.once(`detection, ${name}, ${how}`, () => scoresOf(name, rate))
    rows.push({ case: `${name}, ${how}, mAP`, value: 100 * ap, unit: '%' })
    rows.push({ case: `${name}, ${how}, AP50`, value: 100 * ap50, unit: '%' })
  }
}
report(engine, rows)
process.exit()
