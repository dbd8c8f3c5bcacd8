import { blurOption, byolRecipe, type TwoViewRecipe } from '@selfsup/augment'
import type { OptionValues } from '@selfsup/core'
import { projectorOptions, viewOptions } from './twin-options.js'

/** Appendix C.1: BYOL's views made symmetric (the authors' code has Barlow Twins'). */
export const recipe: TwoViewRecipe = { ...byolRecipe, blur: [0.5, 0.5], solarise: [0.1, 0.1] }

export const options = {
  invariance: {
    type: 'number',
    default: 25,
    min: 0,
    description: 'weight of the distance between the views',
  },
  variance: {
    type: 'number',
    default: 25,
    min: 0,
    description: 'weight of the hinge that keeps each feature’s deviation over the batch at 1 or above',
  },
  covariance: {
    type: 'number',
    default: 1,
    min: 0,
    description: 'weight of the covariances between features',
  },
  ...projectorOptions,
  ...viewOptions,
  blur: { ...blurOption(recipe), formerly: { values: { yes: 0.5, no: 0 } } },
} as const

export type VicregOptions = Partial<OptionValues<typeof options>>
