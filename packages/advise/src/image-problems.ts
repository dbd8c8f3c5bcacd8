import type { ImageSample } from '@selfsup/data'
import { duplicates } from './duplicates.js'
import { type Leaks, placeOf } from './leaks.js'
import { isBlank } from './light.js'
import { outliers } from './outliers.js'

/** An image that should be looked at, with the reason. */
export interface ImageProblem {
  /** path, or position in the dataset if it has none */
  readonly image: string
  readonly problem: 'unreadable' | 'blank' | 'duplicate' | 'outlier' | 'leak'
  /** the image that it is a copy of */
  readonly other?: string
  /** why it cannot be read, or how far out it is */
  readonly detail?: string
}

/**
 * Lists the images of a sample that are unreadable, blank, copies of an earlier image, or unlike all others, and test images
 * that have a copy among the training images. If you remove all duplicates, one image of each group stays.
 * @param found result of `leaks`
 */
export function imageProblems(sample: ImageSample, found?: Leaks): ImageProblem[] {
  const problems: ImageProblem[] = sample.unreadable.map(({ path, reason }) => ({
    image: path,
    problem: 'unreadable',
    detail: reason,
  }))
  for (let slot = 0; slot < sample.indices.length; slot++)
    if (isBlank(sample.images, slot)) problems.push({ image: placeOf(sample, slot), problem: 'blank' })
  const firsts = new Map<number, number>()
  for (const [first, later] of duplicates(sample.images).pairs)
    if (!firsts.has(later)) firsts.set(later, firsts.get(first) ?? first)
  for (const [later, first] of firsts)
    problems.push({ image: placeOf(sample, later), problem: 'duplicate', other: placeOf(sample, first) })
  for (const { image, distance } of outliers(sample.images))
    problems.push({
      image: placeOf(sample, image),
      problem: 'outlier',
      detail: `${distance.toFixed(1)} times the usual distance from other images`,
    })
  for (const { test, train } of found?.pairs ?? [])
    problems.push({ image: test, problem: 'leak', other: train })
  return problems
}
