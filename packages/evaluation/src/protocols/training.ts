import { type FineTuneOptions, type FineTuneResult, fineTune, type LabelledImages } from '../fine-tune.js'
import type { InitialWeights, ProtocolContext, Subject } from '../protocol.js'

/** Images per step. */
export const BATCH = 128

/** Positions and classes of the images that have features, so that all protocols use the same images. */
export function labelledImages(subject: Subject, trainRows?: Uint32Array): LabelledImages {
  const { train, test } = subject
  const rows = trainRows ?? Uint32Array.from(train.labels.keys())
  return {
    ...subject.images!,
    learn: {
      positions: Int32Array.from(rows, (row) => train.indices[row]!),
      labels: Int32Array.from(rows, (row) => train.labels[row]!),
    },
    tell: { positions: test.indices, labels: test.labels },
  }
}

/**
 * Number of updates for a number of training images: 20 epochs, within bounds, so that few images are trained on long enough
 * and many images take minutes.
 */
export function stepsFor(images: number, { quick, maxSteps = 2000 }: ProtocolContext): number {
  const [least, most] = quick ? [20, 40] : [300, 2000]
  return Math.min(maxSteps, most, Math.max(least, Math.round((20 * images) / BATCH)))
}

/** What protocols need of a training's result. */
export type Trained = Pick<FineTuneResult, 'accuracy' | 'count' | 'curve'>

/**
 * Trains a fresh copy of a start's network, or returns the saved result if this part was already done.
 * @param part name of the part, unique within the protocol
 */
export async function trainedFrom(
  start: InitialWeights,
  part: string,
  images: LabelledImages,
  context: ProtocolContext,
  options: Omit<FineTuneOptions, 'engine' | 'seed' | 'signal'>,
): Promise<Trained> {
  return partOf(context, part, async () => {
    const { accuracy, count, curve } = await train(start, images, context, options)
    return { accuracy, count, curve }
  })
}

/** Returns the saved result of a part, or computes it. */
export function partOf<T>({ once }: ProtocolContext, name: string, find: () => Promise<T>): Promise<T> {
  return once ? once(name, find) : find()
}

async function train(
  start: InitialWeights,
  images: LabelledImages,
  { engine, seed, signal }: ProtocolContext,
  options: Omit<FineTuneOptions, 'engine' | 'seed' | 'signal'>,
): Promise<FineTuneResult> {
  const network = await start.make()
  try {
    return await fineTune(network, images, {
      batchSize: BATCH,
      // Layer-wise decay preserves pretrained first layers; random ones have nothing to preserve.
      layerDecay: start.name === 'random' ? 1 : 0.75,
      ...options,
      engine,
      seed,
      signal,
    })
  } finally {
    network.dispose()
  }
}
