import { blurOption, byolRecipe, type TwoViewRecipe } from '@selfsup/augment'
import type { OptionValues } from '@selfsup/core'
import { projectorOptions, viewOptions } from './twin-options.js'

/** Appendix C.1: a symmetric version of BYOL's views (the authors' code uses those of Barlow Twins). */
export const recipe: TwoViewRecipe = { ...byolRecipe, blur: [0.5, 0.5], solarise: [0.1, 0.1] }

export const options = {
  invariance: {
    type: 'number',
    default: 25,
    min: 0,
    description: 'weight of the invariance term, the mean squared distance between the two views',
  },
  variance: {
    type: 'number',
    default: 25,
    min: 0,
    description:
      'weight of the variance term, a hinge that keeps the standard deviation of each feature over the batch above 1',
  },
  covariance: {
    type: 'number',
    default: 1,
    min: 0,
    description: 'weight of the covariance term, which decorrelates the features',
  },
  ...projectorOptions,
  ...viewOptions,
  blur: { ...blurOption(recipe), earlier: { values: { yes: 0.5, no: 0 } } },
} as const

export type VicregOptions = Partial<OptionValues<typeof options>>
