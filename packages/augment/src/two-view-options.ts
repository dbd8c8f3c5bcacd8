import type { ImageShape, StoredOptions } from '@selfsup/core'
import type { TwoViewRecipe } from './two-view-recipes.js'
import { SMALL_SIZE } from './two-views.js'

/** Which views: an option of every method of two views. */
export const viewsOption = {
  type: 'choice',
  default: 'auto',
  choices: ['auto', 'colour', 'gray', 'anyOrientation'],
  description: 'augmentations; auto: gray for pictures of one channel',
} as const

/** Strength of the colour jitter, of a method with the same jitter for all sizes. */
export const jitterOption = {
  type: 'number',
  default: 1,
  min: 0,
  max: 5,
  description: 'strength of the colour jitter, as a multiple of the paper’s',
} as const

/** Smallest crop, with the help that the recipe gives. */
export const minScaleOption = (recipe: Pick<TwoViewRecipe, 'minScale'>) =>
  ({
    type: 'number',
    default: 'auto',
    min: 0.001,
    max: 1,
    formerly: { auto: 0 },
    description: `smallest part of the picture a crop takes; auto: ${recipe.minScale}, gray 0.3`,
  }) as const

/** Probability of blur in both views, which the recipe blurs alike. */
export const blurOption = ({ blur: [probability] }: Pick<TwoViewRecipe, 'blur'>) =>
  ({
    ...blurNumber,
    formerly: { auto: -1 },
    description: `probability of Gaussian blur; auto: none up to ${SMALL_SIZE} pixels, else ${probability}`,
  }) as const

/** Probability of blur in the first view. */
export const firstBlurOption = ({ blur: [first] }: Pick<TwoViewRecipe, 'blur'>) =>
  ({
    ...blurNumber,
    description: `probability of Gaussian blur in the first view; auto: none up to ${SMALL_SIZE} pixels, else ${first}`,
  }) as const

/** Probability of blur in the second view. */
export const secondBlurOption = ({ blur: [first, second] }: Pick<TwoViewRecipe, 'blur'>) =>
  ({
    ...blurNumber,
    description: `probability of Gaussian blur in the second view; auto: ${first / second === 1 ? 'as' : `1/${first / second} of that`} in the first`,
  }) as const

const blurNumber = { type: 'number', default: 'auto', min: 0, max: 1 } as const

/** Whether a run's views were grey. */
export function hadGrayViews({ views }: StoredOptions, images?: ImageShape): boolean {
  return views === 'gray' || (views === 'auto' && images?.channels === 1)
}

/** Whether a run's images were too small for blur; images of unknown size count as large. */
export function hadSmallImages(images?: ImageShape): boolean {
  return images !== undefined && images.size <= SMALL_SIZE
}

/** Before blur was 'auto', grey views were not blurred unless a probability was given. */
export function migrateBlur(stored: StoredOptions, images?: ImageShape): StoredOptions {
  return stored.blur === -1 && hadGrayViews(stored, images) ? { ...stored, blur: 0 } : stored
}
