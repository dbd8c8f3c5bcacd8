import type { HostImages, ImageBatch } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { Augmentation } from './augmentation.js'

/**
 * Creates the views of an augmentation and converts them to 0..255 for display.
 * @returns the images of each view
 */
export async function previewViews(
  augmentation: Augmentation,
  batch: Pick<ImageBatch, 'images' | 'crops'>,
  seed: tf.Tensor1D,
): Promise<HostImages[]> {
  const { mean, std } = augmentation.normalisation
  const views = tf.tidy(() =>
    augmentation.apply(batch, seed).map((view) => {
      const pixels = tf.add(tf.mul(view, tf.tensor1d([...std])), tf.tensor1d([...mean]))
      return tf.cast(tf.clipByValue(tf.round(tf.mul(pixels, 255)), 0, 255), 'int32') as tf.Tensor4D
    }),
  )
  try {
    return await Promise.all(
      views.map(async (view) => ({ data: Uint8Array.from(await view.data()), shape: view.shape })),
    )
  } finally {
    tf.dispose(views)
  }
}
