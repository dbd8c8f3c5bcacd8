import { type HostBatch, type HostImages, phasesOf, type Step } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { probeSeed, toDevice } from './batch-stream.js'
import type { LoopParts } from './loop-parts.js'

/** How many images the images are made of. */
const probeSize = 16

/**
 * What shows a method's images: the same images and the same seed at each call, so that only the training differs.
 * @returns called with the number of steps done; does nothing where method or caller have no images, never throws
 */
export function imagesOf({ method, dataset, options, settings, stepsPerEpoch, totalSteps }: LoopParts) {
  const { onSamples, onWarning = () => {} } = options
  const seed = probeSeed(settings.seed)
  let probe: HostBatch | undefined

  return async (step: number): Promise<void> => {
    if (!method.samples || !onSamples) return
    try {
      probe ??= await firstImages()
      await onSamples({ step, samples: await imagesAt(step, probe) })
    } catch (error) {
      onWarning(`pictures of step ${step} not shown: ${(error as Error).message}`)
    }
  }

  async function firstImages(): Promise<HostBatch> {
    const { crops } = method
    const some = { batchSize: Math.min(probeSize, dataset.length), limit: probeSize }
    for await (const batch of dataset.batches({ ...some, crops, seedOf: () => seed })) return batch
    throw new Error(`${dataset.name} gave none of its first images`)
  }

  async function imagesAt(done: number, images: HostBatch): Promise<Record<string, HostImages>> {
    const made = tf.tidy(() => {
      const step: Step = {
        seed: tf.tensor1d([...seed], 'int32'),
        progress: tf.scalar(done / totalSteps),
        epoch: tf.scalar(Math.floor(done / stepsPerEpoch)),
        phase: phasesOf(method)[0]!,
      }
      const pictures = Object.entries(method.samples!(method.views(toDevice(images), step), step))
      const bytes = (image: tf.Tensor4D) =>
        tf.cast(tf.round(tf.mul(tf.clipByValue(image, 0, 1), 255)), 'int32') as tf.Tensor4D
      return Object.fromEntries(pictures.map(([name, image]) => [name, bytes(image)]))
    })
    try {
      const entries = Object.entries(made).map(async ([name, image]) => {
        return [name, { data: Uint8Array.from(await image.data()), shape: image.shape }] as const
      })
      return Object.fromEntries(await Promise.all(entries))
    } finally {
      tf.dispose(made)
    }
  }
}
