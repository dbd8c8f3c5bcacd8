import { SelfsupError } from '@selfsup/core'
import type { ImageSample } from '@selfsup/data'
import { lookAlike, looksOf } from './looks.js'

/** Test images that are training images too. */
export interface Leaks {
  /** the path or position of each test image that has a copy, and of the copy */
  readonly pairs: readonly { readonly test: string; readonly train: string }[]
  /** estimated fraction of all test images that have a copy among all training images, 0..1 */
  readonly estimate: number
  /** numbers of readable images that were compared */
  readonly compared: Readonly<Record<'train' | 'test', number>>
}

/**
 * Finds test images that look the same as a training image: copies, also of another size or stronger compression. Such images
 * make results on the test images too good.
 * @param train, test samples with the same size of images; of large datasets only part of the copies is found, and the estimate
 *   extrapolates
 * @throws SelfsupError if the sizes differ
 */
export function leaks(train: ImageSample, test: ImageSample): Leaks {
  const [sizes, others] = [train.images.shape[1], test.images.shape[1]]
  if (sizes !== others)
    throw new SelfsupError(`leaks: both samples must have images of one size; got ${sizes} and ${others}`)
  const [known, asked] = [looksOf(train.images), looksOf(test.images)]
  const pairs: { test: string; train: string }[] = []
  for (let i = 0; i < test.indices.length; i++) {
    if (!asked.cells[i]) continue
    for (let j = 0; j < train.indices.length; j++) {
      if (!lookAlike(asked, i, known, j)) continue
      pairs.push({ test: placeOf(test, i), train: placeOf(train, j) })
      break
    }
  }
  const found = pairs.length / Math.max(1, test.indices.length)
  const estimate = Math.min(1, (found * train.count) / Math.max(1, train.looked))
  return { pairs, estimate, compared: { train: train.indices.length, test: test.indices.length } }
}

/** Path of an image of a sample, or its position in the dataset if it has none. */
export function placeOf(sample: ImageSample, slot: number): string {
  const index = sample.indices[slot]!
  return sample.pathOf?.(index) ?? `number ${index}`
}
