import { expected, type Normalisation } from '@selfsup/core'
import { type Augmentation, augmentation } from './augmentation.js'
import { grayNormalisation } from './normalise.js'
import { anyOrientation } from './orientation.js'
import {
  byolRecipe,
  mocoV1Recipe,
  mocoV2Recipe,
  simclrRecipe,
  type TwoViewRecipe,
} from './two-view-recipes.js'
import { blurOf, chooseTwoViews } from './two-views.js'
import type { ViewOptions } from './view-options.js'

export interface PresetOptions {
  /** side of the views in pixels */
  readonly size: number
  readonly normalisation?: Normalisation
}

interface ColourViewOptions extends PresetOptions {
  /** strength of the colour jitter, as a multiple of the paper's; use 0.5 for small images such as CIFAR's */
  readonly strength?: number
  /** probability of blur; use 0 for small images such as CIFAR's */
  readonly gaussianBlur?: number
  /** smallest area of a crop, as a fraction of the image; use 0.2 for small images such as CIFAR's */
  readonly minScale?: number
}

/** Views of a recipe for large colour images; options override its values. */
function colourViews(
  recipe: TwoViewRecipe,
  {
    size,
    normalisation,
    strength = 1,
    gaussianBlur = recipe.blur[0],
    minScale = recipe.minScale,
  }: ColourViewOptions,
): Augmentation {
  const settings = { views: 'colour', jitter: strength, blur: gaussianBlur, minScale } as const
  return chooseTwoViews({ size, channels: 3, normalisation }, settings, recipe)
}

/** The two views of SimCLR (Chen et al. 2020, arXiv:2002.05709, appendix A). */
export function simclrViews(options: ColourViewOptions): Augmentation {
  return colourViews(simclrRecipe, options)
}

/** The two views of MoCo v1 (He et al. 2020, arXiv:1911.05722, section 3.3): both are jittered, none is blurred. */
export function mocoV1Views(options: ColourViewOptions): Augmentation {
  return colourViews(mocoV1Recipe, options)
}

/** The two views of MoCo v2 (Chen et al. 2020, arXiv:2003.04297) and SimSiam (arXiv:2011.10566). */
export function mocoV2Views(options: ColourViewOptions): Augmentation {
  return colourViews(mocoV2Recipe, options)
}

/**
 * The two views of BYOL (Grill et al. 2020, arXiv:2006.07733, table 6) and MoCo v3: the second is rarely blurred and
 * sometimes solarised.
 */
export function byolViews({
  size,
  normalisation,
  strength = 1,
  gaussianBlur = [1, 0.1],
  solarise = [0, 0.2],
  minScale = 0.08,
}: PresetOptions & {
  /** strength of the colour jitter, as a multiple of the paper's */
  readonly strength?: number
  /** probability of blur in each view; use [0, 0] for small images such as CIFAR's */
  readonly gaussianBlur?: readonly [number, number]
  /** probability of solarisation in each view */
  readonly solarise?: readonly [number, number]
  readonly minScale?: number
}): Augmentation {
  const [blur, blur2] = gaussianBlur
  const settings = { views: 'colour', jitter: strength, blur, blur2, minScale, solarise } as const
  return chooseTwoViews({ size, channels: 3, normalisation }, settings, byolRecipe)
}

/**
 * The two views of Barlow Twins (Zbontar et al. 2021, arXiv:2103.03230), the same as BYOL's.
 * @alias
 */
export const barlowTwinsViews = byolViews

/** Two views of grey images (MNIST, X-ray): crops, and optionally flips and blur, without colour operations. */
export function grayViews({
  size,
  normalisation,
  horizontalFlip = 0,
  minScale = 0.3,
  gaussianBlur = 0,
}: PresetOptions & { horizontalFlip?: number; minScale?: number; gaussianBlur?: number }): Augmentation {
  const view: ViewOptions = { size, scale: [minScale, 1], horizontalFlip, blur: blurOf(size, gaussianBlur) }
  return augmentation([view, view], normalisation ?? grayNormalisation)
}

/** Two views of images without a preferred orientation (sky, cells, satellite): SimCLR's with quarter turns and flips along both axes. */
export function anyOrientationViews(options: Parameters<typeof simclrViews>[0]): Augmentation {
  return anyOrientation(simclrViews(options))
}

/**
 * Two large views and several small ones with smaller crops (SwAV: Caron et al. 2020, arXiv:2006.09882). Large views come
 * first.
 */
export function multiCropViews({
  size,
  smallSize = Math.round((size * 96) / 224),
  small = 6,
  boundary = 0.14,
  ...options
}: Parameters<typeof simclrViews>[0] & {
  /** side of the small views in pixels */
  readonly smallSize?: number
  /** number of small views */
  readonly small?: number
  /** minimum area of large crops and maximum area of small ones, as a fraction of the image */
  readonly boundary?: number
}): Augmentation {
  expected(
    boundary > 0.05 && boundary < 1,
    `multiCropViews: boundary must be between 0.05 and 1, exclusive; got ${boundary}`,
  )
  const { views, normalisation } = simclrViews({ ...options, size })
  const view = views[0]!
  const large: ViewOptions = { ...view, scale: [boundary, 1] }
  const little: ViewOptions = {
    ...view,
    size: smallSize,
    scale: [0.05, boundary],
    blur: view.blur && blurOf(smallSize, view.blur.probability),
  }
  return augmentation([large, large, ...Array.from({ length: small }, () => little)], normalisation)
}
