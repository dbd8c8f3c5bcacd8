import type { ImageDataset } from '@selfsup/core'
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
  const sample = await sampleOpened(dataset, { count, seconds, signal })
  const measures = measure(sample, { classifiers: false })
  return { measures, unsuitable: whyUnsuitable(measures), warnings: warningsOf(measures) }
}

/** Why nothing can be learned: the images have no content, or are all the same. */
export function whyUnsuitable({ read, light, duplicates, files }: Measures): string | undefined {
  if (light.blank >= NEARLY_ALL)
    return `${percent(light.blank)} of ${imageCount(read)} in a sample are blank (a single colour) as they are read${files && files.wide > 0.5 ? '; files with more than 8 bits often use a small part of their range: stretch it first' : ''}`
  if (read > 1 && identical(duplicates, read) >= NEARLY_ALL)
    return `${percent(identical(duplicates, read))} of ${imageCount(read)} in a sample are copies of one image, for example ${duplicates.examples[0]!.join(' and ')}`
  return undefined
}

/** The largest fraction of the images that are copies of one image. */
function identical({ pairs }: Measures['duplicates'], read: number): number {
  const copies = new Map<number, number>()
  for (const pair of pairs) for (const index of pair) copies.set(index, (copies.get(index) ?? 0) + 1)
  return copies.size === 0 ? 0 : (Math.max(...copies.values()) + 1) / read
}
