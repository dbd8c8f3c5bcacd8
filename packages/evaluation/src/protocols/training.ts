import { type FineTuneOptions, type FineTuneResult, fineTune, type LabelledPictures } from '../fine-tune.js'
import type { ProtocolContext, Start, Subject } from '../protocol.js'

/** Pictures of a step. */
export const BATCH = 128

/** Positions and classes of the images that have features: what all protocols judge, and no others. */
export function labelledPictures(subject: Subject, trainRows?: Uint32Array): LabelledPictures {
  const { train, test } = subject
  const rows = trainRows ?? Uint32Array.from(train.labels.keys())
  return {
    ...subject.pictures!,
    learn: {
      positions: Int32Array.from(rows, (row) => train.indices[row]!),
      labels: Int32Array.from(rows, (row) => train.labels[row]!),
    },
    tell: { positions: test.indices, labels: test.labels },
  }
}

/**
 * Updates for so many images: 20 epochs of them, within bounds, so that few images are learned well and many in minutes.
 */
export function stepsFor(images: number, { quick, maxSteps = 2000 }: ProtocolContext): number {
  const [least, most] = quick ? [20, 40] : [300, 2000]
  return Math.min(maxSteps, most, Math.max(least, Math.round((20 * images) / BATCH)))
}

/** What a part of a protocol needs to say of a training. */
export type Trained = Pick<FineTuneResult, 'accuracy' | 'count' | 'curve'>

/**
 * Trains a fresh copy of a start's network, unless that was done before the protocol was stopped.
 * @param part its name among the protocol's
 */
export async function trainedFrom(
  start: Start,
  part: string,
  pictures: LabelledPictures,
  context: ProtocolContext,
  options: Omit<FineTuneOptions, 'engine' | 'seed' | 'signal'>,
): Promise<Trained> {
  return partOf(context, part, async () => {
    const { accuracy, count, curve } = await train(start, pictures, context, options)
    return { accuracy, count, curve }
  })
}

/** What was found of a part before the protocol was stopped, or is found now. */
export function partOf<T>({ once }: ProtocolContext, name: string, find: () => Promise<T>): Promise<T> {
  return once ? once(name, find) : find()
}

async function train(
  start: Start,
  pictures: LabelledPictures,
  { engine, seed, signal }: ProtocolContext,
  options: Omit<FineTuneOptions, 'engine' | 'seed' | 'signal'>,
): Promise<FineTuneResult> {
  const network = await start.make()
  try {
    return await fineTune(network, pictures, {
      batchSize: BATCH,
      // What was pretrained keeps its first layers; what was not has nothing to be kept.
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
