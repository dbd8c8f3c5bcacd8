import { type HostBatch, type HostImages, phasesOf, type Step } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { probeSeed, toDevice } from './batch-stream.js'
import type { LoopParts } from './loop-parts.js'

/** Number of images from which samples are computed. */
const probeSize = 16

/**
 * Passes a method's samples to `onSamples`, computed from the same images and the same seed at each call, so that only the
 * training differs.
 * @returns a function to call with the number of finished steps. It does nothing if the method has no `samples` or the caller no
 *   `onSamples`, and never throws
 */
export function samplesOf({ method, dataset, options, settings, stepsPerEpoch, totalSteps }: LoopParts) {
  const { onSamples, onWarning = () => {} } = options
  const seed = probeSeed(settings.seed)
  let probe: HostBatch | undefined

  return async (step: number): Promise<void> => {
    if (!method.samples || !onSamples) return
    try {
      probe ??= await firstImages()
      await onSamples({ step, samples: await samplesAt(step, probe) })
    } catch (error) {
      onWarning(`the samples of step ${step} could not be shown: ${(error as Error).message}`)
    }
  }

  async function firstImages(): Promise<HostBatch> {
    const { crops } = method
    const some = { batchSize: Math.min(probeSize, dataset.length), limit: probeSize }
    for await (const batch of dataset.batches({ ...some, crops, seedOf: () => seed })) return batch
    throw new Error(`${dataset.name} returned no images`)
  }

  async function samplesAt(done: number, images: HostBatch): Promise<Record<string, HostImages>> {
    const samples = tf.tidy(() => {
      const step: Step = {
        seed: tf.tensor1d([...seed], 'int32'),
        progress: tf.scalar(done / totalSteps),
        epoch: tf.scalar(Math.floor(done / stepsPerEpoch)),
        phase: phasesOf(method)[0]!,
      }
      const entries = Object.entries(method.samples!(method.views(toDevice(images), step), step))
      const bytes = (image: tf.Tensor4D) =>
        tf.cast(tf.round(tf.mul(tf.clipByValue(image, 0, 1), 255)), 'int32') as tf.Tensor4D
      return Object.fromEntries(entries.map(([name, image]) => [name, bytes(image)]))
    })
    try {
      const entries = Object.entries(samples).map(async ([name, image]) => {
        return [name, { data: Uint8Array.from(await image.data()), shape: image.shape }] as const
      })
      return Object.fromEntries(await Promise.all(entries))
    } finally {
      tf.dispose(samples)
    }
  }
}
