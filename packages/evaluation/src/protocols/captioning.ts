import type { ImageDataset } from '@selfsup/core'
import type { EvaluationValue } from '@selfsup/run-folder'
import { bleu, cider } from '../caption-scores.js'
import { trainCaptioner } from '../captioning.js'
import type { Features } from '../features.js'
import type { Protocol, SplitFeatures, Subject } from '../protocol.js'
import { rowsOf, spreadRows } from '../rows-of.js'
import { everything } from './requirements.js'
import { partOf } from './training.js'

/** Maximum number of test images to describe. */
const MOST_TEST = 2000

/** Trains a small decoder to caption the training images from their features, and scores its captions of the test images. */
export const captioningProtocol: Protocol = {
  name: 'captioning',
  title: 'Captioning',
  summary: 'a small transformer decoder on frozen features: CIDEr-D, BLEU-1 to BLEU-4',
  trains: true,
  missing,
  async find(subject, context) {
    const { engine, seed, quick, maxSteps = 2000, signal, onProgress } = context
    const { images } = subject
    const steps = Math.min(maxSteps, quick ? 60 : 2000)
    const all = everything(subject)
    const values: EvaluationValue[] = []
    const scoresOf = async (i: number, { name, train, test }: SplitFeatures) => {
      const learn = { features: train, captions: captionsOf(images!.train, train) }
      const captioner = await trainCaptioner(learn, {
        engine,
        steps,
        seed,
        signal,
        onStep: (step) => onProgress?.((i + (0.9 * step) / steps) / all.length, name),
      })
      try {
        const known = captionsOf(images!.test, test)
        const able = spreadRows(test.count, quick ? 200 : MOST_TEST).filter((row) => known[row]!.length > 0)
        const made = await captioner.describe(rowsOf(test, able))
        const pairs = made.map((caption, row) => ({ made: caption, references: known[able[row]!]! }))
        return { cider: cider(pairs), bleu: bleu(pairs) }
      } finally {
        captioner.dispose()
      }
    }
    for (const [i, each] of all.entries()) {
      const scores = await partOf(context, each.name, () => scoresOf(i, each))
      const described = { features: each.name, higherIsBetter: true } as const
      values.push({ metric: 'CIDEr-D', ...described, value: scores.cider })
      for (const [n, value] of scores.bleu.entries())
        values.push({ metric: `BLEU-${n + 1}`, ...described, value, unit: 'part' })
    }
    return { options: { steps, batch: 128, learningRate: 2e-3, seed }, values }
  },
}

function captionsOf({ annotations }: ImageDataset, { indices }: Features): (readonly string[])[] {
  return Array.from(indices, (position) => annotations?.(position)?.captions ?? [])
}

function missing({ images, train, test }: Subject): string | undefined {
  if (!images) return 'only features were given, without captioned images'
  for (const [dataset, features] of [
    [images.train, train],
    [images.test, test],
  ] as const)
    if (!features.indices.some((position) => dataset.annotations?.(position)?.captions?.length))
      return `${dataset.name} has no captions (the built-in dataset \`shapes\` has)`
  return undefined
}
