import type { ImageDataset, Normalisation } from '@selfsup/core'
import { defaultNormalisation } from './default-normalisation.js'

/** Number of images that are measured, and their side length in pixels. */
const IMAGES = 256
const SIZE = 64

/** Smallest standard deviation, of pixels scaled to 0..1, so that a constant band is not divided by 0. */
const SMALLEST = 1 / 255

/**
 * The normalisation of a dataset's pixels: ImageNet's statistics for three channels, those of grey images for one. For other numbers
 * of channels, the mean and standard deviation of each are measured on up to 256 images.
 */
export async function normalisationFor(dataset: ImageDataset): Promise<Normalisation> {
  const { channels, length } = dataset
  if (channels === 1 || channels === 3) return defaultNormalisation(channels)
  const count = Math.min(IMAGES, length)
  const order = Uint32Array.from({ length: count }, (_, i) => Math.floor((i * length) / count))
  const sums = new Float64Array(channels)
  const squares = new Float64Array(channels)
  let pixels = 0
  for await (const { images } of dataset.batches({ batchSize: 32, order, size: SIZE })) {
    const { data } = images!
    for (let i = 0; i < data.length; i++) {
      const value = data[i]! / 255
      sums[i % channels]! += value
      squares[i % channels]! += value * value
    }
    pixels += data.length / channels
  }
  if (pixels === 0) return defaultNormalisation(channels)
  const mean = Array.from(sums, (sum) => sum / pixels)
  const std = mean.map((value, i) =>
    Math.max(SMALLEST, Math.sqrt(Math.max(0, squares[i]! / pixels - value * value))),
  )
  return { mean, std }
}
