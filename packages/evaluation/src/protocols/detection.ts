import type { EvaluationValue } from '@selfsup/run-folder'
import { trainDetector } from '../detection.js'
import { detectionScores } from '../detection-precision.js'
import type { Protocol, Subject } from '../protocol.js'
import { spreadRows } from '../rows-of.js'
import { partOf } from './training.js'

/** Maximum number of test images. */
const MOST_TEST = 2000
/** Learning rate of the fine-tuned network as a fraction of the head's. */
const NETWORK_RATE = 0.25

/** Trains a small detector on each start's feature maps, first with the network frozen, then fine-tuned. */
export const detectionProtocol: Protocol = {
  name: 'detection',
  title: 'Detection',
  summary:
    'a small detector (FCOS) on the network’s maps, frozen and fine-tuned: COCO’s mean average precision',
  trains: true,
  missing,
  async find(subject, context) {
    const { engine, seed, quick, maxSteps = 1000, signal, onProgress } = context
    const { train, test, size, normalisation, starts } = subject.images!
    const learn = { dataset: train, positions: subject.train.indices }
    const rows = spreadRows(subject.test.count, quick ? 200 : MOST_TEST)
    const tell = { dataset: test, positions: Array.from(rows, (row) => subject.test.indices[row]!) }
    const steps = Math.min(maxSteps, quick ? 60 : 1000)
    const ways = [
      { how: 'frozen', networkRate: 0 },
      { how: 'fine-tuned', networkRate: NETWORK_RATE },
    ].slice(0, quick ? 1 : 2)
    const values: EvaluationValue[] = []
    let runs = 0
    for (const { how, networkRate } of ways) {
      for (const start of starts) {
        const done = runs++ / (ways.length * starts.length)
        const features = `${start.name} weights, ${how}`
        const scores = await partOf(context, features, async () => {
          const network = await start.make()
          try {
            const detector = await trainDetector(network, learn, {
              engine,
              size,
              normalisation,
              classes: train.classes?.length,
              steps,
              networkRate,
              seed,
              signal,
              onStep: (step) => onProgress?.(done + step / steps / (ways.length * starts.length), features),
            })
            try {
              return detectionScores(await detector.detect(tell))
            } finally {
              detector.dispose()
            }
          } finally {
            network.dispose()
          }
        })
        for (const [metric, value] of [
          ['mAP', scores.ap],
          ['AP50', scores.ap50],
          ['AP75', scores.ap75],
          ['recall of 100', scores.recall],
        ] as const)
          values.push({ metric, features, value, unit: 'part', higherIsBetter: true })
      }
    }
    return { options: { steps, batch: 64, learningRate: 2e-3, networkRate: NETWORK_RATE, seed }, values }
  },
}

function missing({ images, train, test }: Subject): string | undefined {
  if (!images) return 'only features were given, without a network and images'
  if (!images.places) return 'the features are not the mean of a feature map, so that they have no locations'
  for (const [dataset, { indices }] of [
    [images.train, train],
    [images.test, test],
  ] as const) {
    const known = indices.some((position) => dataset.annotations?.(position)?.boxes)
    if (!known || !dataset.imageSize)
      return `${dataset.name} has no annotated boxes (the built-in dataset \`shapes\` has)`
  }
  return undefined
}
