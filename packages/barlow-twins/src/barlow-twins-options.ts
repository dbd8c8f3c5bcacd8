import {
  byolRecipe,
  firstBlurOption,
  secondBlurOption,
  usedGrayViews,
  usedSmallImages,
} from '@selfsup/augment'
import type { ImageShape, OptionValues, StoredOptions } from '@selfsup/core'
import { projectorOptions, viewOptions } from './twin-options.js'

export const options = {
  lambda: {
    type: 'number',
    default: 0.005,
    min: 0,
    description: 'weight of the redundancy reduction term, which decorrelates the features',
  },
  biasRate: {
    type: 'number',
    default: 0.024,
    min: 0,
    description:
      'learning rate of biases and normalisation parameters with LARS, as a multiple of that of the weights; the paper uses 0.0048 / 0.2 = 0.024',
  },
  ...projectorOptions,
  ...viewOptions,
  blur: { ...firstBlurOption(byolRecipe), earlier: { values: { yes: 1, no: 0 } } },
  blur2: secondBlurOption(byolRecipe),
} as const

export type BarlowTwinsOptions = Partial<OptionValues<typeof options>>

/** In runs whose `blur` is 'auto', 'yes' or 'no', both views of `gray` and `simclr` were blurred with probability 0.5. */
export function migrate(stored: StoredOptions, images?: ImageShape): StoredOptions {
  const gray = usedGrayViews(stored, images)
  if ('blur2' in stored || !(gray || stored.views === 'simclr')) return stored
  const blurred = stored.blur === 'yes' || (stored.blur === 'auto' && !usedSmallImages(images))
  const blur = blurred ? 0.5 : 0
  return { ...stored, blur, blur2: blur }
}
