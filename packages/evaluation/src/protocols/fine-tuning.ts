import type { EvaluationValue } from '@selfsup/run-folder'
import { partInterval } from '../intervals.js'
import type { Protocol } from '../protocol.js'
import { majorityValue } from './classification.js'
import { requiresImages } from './requirements.js'
import { BATCH, labelledImages, stepsFor, trainedFrom } from './training.js'

/** Trains the whole network on all labels, from each start. */
export const fineTuningProtocol: Protocol = {
  name: 'fine-tuning',
  title: 'Fine-tuning',
  summary: 'the whole network trained on all labels, layer-wise rates; from pretrained and random weights',
  trains: true,
  missing: requiresImages,
  async find(subject, context) {
    const images = labelledImages(subject)
    const { starts } = subject.images!
    const steps = stepsFor(subject.train.labels.filter((label) => label >= 0).length, context)
    const values: EvaluationValue[] = []
    for (const [i, start] of starts.entries()) {
      const features = `from ${start.name} weights`
      const { accuracy, count } = await trainedFrom(start, features, images, context, {
        steps,
        onStep: (step) => context.onProgress?.((i + step / steps) / starts.length, features),
      })
      const { interval } = partInterval(accuracy, count)
      values.push({
        metric: 'accuracy',
        features,
        value: accuracy,
        interval,
        unit: 'part',
        higherIsBetter: true,
      })
    }
    values.push(majorityValue(subject))
    return { options: { steps, batch: BATCH, layerDecay: 0.75, learningRate: 1e-3 }, values }
  },
}
