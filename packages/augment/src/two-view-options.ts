import type { ImageShape, StoredOptions } from '@selfsup/core'
import type { TwoViewRecipe } from './two-view-recipes.js'
import { SMALL_SIZE } from './two-views.js'

/** Which augmentations to use: an option of every method with two views. */
export const viewsOption = {
  type: 'choice',
  default: 'auto',
  choices: ['auto', 'colour', 'gray', 'anyOrientation'],
  description: 'augmentations; auto: gray for images with one channel, else colour',
} as const

/** Strength of the colour jitter, for methods whose jitter does not depend on the image size. */
export const jitterOption = {
  type: 'number',
  default: 1,
  min: 0,
  max: 5,
  description: 'strength of the colour jitter, as a multiple of the paper’s',
} as const

/** Strength of the jitter of each band by itself. */
export const bandJitterOption = {
  type: 'number',
  default: 0,
  min: 0,
  max: 5,
  description:
    'strength of own changes of the brightness and contrast of each band, for images with other than 1 or 3 channels, as a multiple of the paper’s; 0: none',
} as const

/** Probability of grey views. */
export const grayscaleOption = {
  type: 'number',
  default: 0.2,
  min: 0,
  max: 1,
  description: 'probability of converting an image to grey, in each view',
} as const

/** Smallest crop. The description names the recipe's values. */
export const minScaleOption = ({
  minScale,
  smallMinScale,
}: Pick<TwoViewRecipe, 'minScale' | 'smallMinScale'>) => {
  const ofSmall = smallMinScale ? `${smallMinScale} for images of up to ${SMALL_SIZE} pixels, otherwise ` : ''
  return {
    type: 'number',
    default: 'auto',
    min: 0.001,
    max: 1,
    earlier: { auto: 0 },
    description: `smallest area of a random crop, as a fraction of the image; auto: 0.3 for gray views, ${ofSmall}${minScale}`,
  } as const
}

/** Probability of blur, for recipes that blur both views with the same probability. */
export const blurOption = ({ blur: [probability] }: Pick<TwoViewRecipe, 'blur'>) =>
  ({
    ...blurNumber,
    earlier: { auto: -1 },
    description: `probability of Gaussian blur; auto: 0 for images of up to ${SMALL_SIZE} pixels, else ${probability}`,
  }) as const

/** Probability of blur in the first view. */
export const firstBlurOption = ({ blur: [first] }: Pick<TwoViewRecipe, 'blur'>) =>
  ({
    ...blurNumber,
    description: `probability of Gaussian blur in the first view; auto: 0 for images of up to ${SMALL_SIZE} pixels, else ${first}`,
  }) as const

/** Probability of blur in the second view. */
export const secondBlurOption = ({ blur: [first, second] }: Pick<TwoViewRecipe, 'blur'>) =>
  ({
    ...blurNumber,
    description: `probability of Gaussian blur in the second view; auto: ${first / second === 1 ? 'the' : `1/${first / second} of the`} probability in the first`,
  }) as const

const blurNumber = { type: 'number', default: 'auto', min: 0, max: 1 } as const

/** Whether a run used grey views. */
export function usedGrayViews({ views }: StoredOptions, images?: ImageShape): boolean {
  return views === 'gray' || (views === 'auto' && images?.channels === 1)
}

/** Whether a run's images had up to 64 pixels a side. Images of unknown size count as large. */
export function usedSmallImages(images?: ImageShape): boolean {
  return images !== undefined && images.size <= SMALL_SIZE
}

/**
 * In runs from before the option `grayscale`, crops of small colour images were as small as those of large ones.
 * @param recipe the method's, whose `minScale` such runs used
 */
export function migrateMinScale(
  stored: StoredOptions,
  images: ImageShape | undefined,
  recipe: Pick<TwoViewRecipe, 'minScale'>,
): StoredOptions {
  if ('grayscale' in stored || usedGrayViews(stored, images) || !usedSmallImages(images)) return stored
  return stored.minScale === 'auto' || stored.minScale === 0
    ? { ...stored, minScale: recipe.minScale }
    : stored
}

/** In runs from before `blur: 'auto'`, grey views were not blurred unless a probability was set. */
export function migrateBlur(stored: StoredOptions, images?: ImageShape): StoredOptions {
  return stored.blur === -1 && usedGrayViews(stored, images) ? { ...stored, blur: 0 } : stored
}
