import type { HostImages, ImageDataset } from '@selfsup/core'
import { sampleOpened } from '@selfsup/data'
import { imageCount, percent } from './format.js'
import { type Measures, measure } from './measure.js'
import { warningsOf } from './warnings.js'

/** Result of a short look at images before they are used. */
export interface ImageCheck {
  readonly measures: Measures
  /** why nothing can be learned from these images; undefined if something can */
  readonly unsuitable?: string
  /** other problems of the images, most severe first */
  readonly warnings: readonly string[]
}

export interface CheckOptions {
  /** maximum number of images to read; default 128 */
  readonly count?: number
  /** maximum time for reading them; default 3 seconds */
  readonly seconds?: number
  readonly signal?: AbortSignal
}

/** Fraction of images that must have a problem before the images are unsuitable. */
const NEARLY_ALL = 0.95

/**
 * Looks at a small sample of an open dataset's images for the problems that `advise` reports: images without content, copies,
 * nearly black, very small or elongated ones, properties of the files that are ignored.
 * @throws SelfsupError if no image of the sample can be read
 */
export async function checkImages(
  dataset: ImageDataset,
  { count = 128, seconds = 3, signal }: CheckOptions = {},
): Promise<ImageCheck> {
  const quick = await sampleOpened(dataset, { count, seconds, signal })
  // A slow disk must not make a few broken files look like all of them.
  const sample = quick.images.shape[0] > 0 ? quick : await sampleOpened(dataset, { count, signal })
  const measures = measure(sample, { classifiers: false })
  return { measures, unsuitable: whyUnsuitable(measures, sample.images), warnings: warningsOf(measures) }
}

/** Why nothing can be learned: the images have no content, or are all the same. */
function whyUnsuitable({ read, light, duplicates, files }: Measures, images: HostImages): string | undefined {
  if (light.blank >= NEARLY_ALL)
    return `${percent(light.blank)} of ${imageCount(read)} in a sample are blank (a single colour) as they are read${files && files.wide > 0.5 ? '; files with more than 8 bits often use a small part of their range: use the automatic range' : ''}`
  const equal = read > 1 && duplicates.pairs.length > 0 ? largestEqual(images, duplicates.pairs) : 0
  if (equal >= NEARLY_ALL)
    return `${percent(equal)} of ${imageCount(read)} in a sample are copies of one image, for example ${duplicates.examples[0]!.join(' and ')}`
  return undefined
}

/** Maximum difference of the values of copies, 0..255: different compression. Photos of one scene from one place differ by more. */
const MOST_DIFFERENCE = 16

/** The fraction of the images that are copies of one image, the one with the most near-duplicates. */
function largestEqual({ data, shape }: HostImages, pairs: Measures['duplicates']['pairs']): number {
  const [count, height, width, channels] = shape
  const near = new Int32Array(count)
  for (const pair of pairs) for (const index of pair) near[index]!++
  const most = near.indexOf(near.reduce((a, b) => Math.max(a, b)))
  const bytes = height * width * channels
  const pixels = (index: number) => data.subarray(index * bytes, (index + 1) * bytes)
  const original = pixels(most)
  const isCopy = (index: number) =>
    pixels(index).every((value, at) => Math.abs(value - original[at]!) <= MOST_DIFFERENCE)
  return [...near.keys()].filter(isCopy).length / count
}
