// Detection on drawn shapes, two in each picture: COCO's mean average precision of a small detector on a frozen backbone,
// and of the same trained along, from weights that learned without labels and from random ones.
import { load, prepared, quick, report } from './packages.mjs'
import { labelled, networkOf, normalisation, size, withBackbones } from './pretrained-shapes.mjs'

const { detectionScores, trainDetector } = await load('evaluation')
const engine = await prepared()
const options = { engine, size, normalisation, steps: quick ? 60 : 1500, seed: 1 }

const { rows, seconds } = await withBackbones(engine, async (backbones) => {
  const rows = []
  // Frozen first: the other way changes the weights.
  for (const [how, networkRate] of [
    ['frozen', 0],
    ['fine-tuned', 0.25],
  ])
    for (const [name, backbone] of Object.entries(backbones)) {
      const detector = await trainDetector(
        networkOf(backbone),
        { dataset: labelled.train },
        { ...options, networkRate },
      )
      const { ap, ap50 } = detectionScores(await detector.detect({ dataset: labelled.test }))
      detector.dispose()
      console.error(`${name}, ${how}: mAP ${ap.toFixed(4)}, AP50 ${ap50.toFixed(4)}`)
      rows.push({ case: `${name}, ${how}, mAP`, value: 100 * ap, unit: '%' })
      rows.push({ case: `${name}, ${how}, AP50`, value: 100 * ap50, unit: '%' })
    }
  return { rows }
})
report(engine, [...rows, { case: 'pretraining', value: seconds, unit: 's' }])
process.exit()
