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
  /** of the colour jitter, as a multiple of the paper's; 0.5 for small images such as CIFAR's */
  readonly strength?: number
  /** probability; 0 for small images such as CIFAR's */
  readonly gaussianBlur?: number
  readonly minScale?: number
}

/** The views of a recipe as it is for large images in colour, but for what is given. */
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

/** What SimCLR (Chen et al. 2020, arXiv:2002.05709, appendix A) does to both views. */
export function simclrViews(options: ColourViewOptions): Augmentation {
  return colourViews(simclrRecipe, options)
}

/** What MoCo (He et al. 2020, arXiv:1911.05722, section 3.3) does to both views: every one is jittered, none blurred. */
export function mocoV1Views(options: ColourViewOptions): Augmentation {
  return colourViews(mocoV1Recipe, options)
}

/** What MoCo v2 (Chen et al. 2020, arXiv:2003.04297) does to both views; SimSiam (arXiv:2011.10566) does the same. */
export function mocoV2Views(options: ColourViewOptions): Augmentation {
  return colourViews(mocoV2Recipe, options)
}

/**
 * What BYOL (Grill et al. 2020, arXiv:2006.07733, table 6) does, MoCo v3 too: the second view blurs seldom and
 * solarises.
 */
export function byolViews({
  size,
  normalisation,
  strength = 1,
  gaussianBlur = [1, 0.1],
  solarise = [0, 0.2],
  minScale = 0.08,
}: PresetOptions & {
  /** of the colour jitter */
  readonly strength?: number
  /** probability in each view; [0, 0] for small images such as CIFAR's */
  readonly gaussianBlur?: readonly [number, number]
  /** probability in each view */
  readonly solarise?: readonly [number, number]
  readonly minScale?: number
}): Augmentation {
  const [blur, blur2] = gaussianBlur
  const settings = { views: 'colour', jitter: strength, blur, blur2, minScale, solarise } as const
  return chooseTwoViews({ size, channels: 3, normalisation }, settings, byolRecipe)
}

/**
 * Barlow Twins (Zbontar et al. 2021, arXiv:2103.03230) takes BYOL's views.
 * @alias
 */
export const barlowTwinsViews = byolViews

/** For grey images (MNIST, X-ray): crops and, where left and right may be swapped, mirrors; no colour. */
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

/** For images without an up (sky, cells, satellite): SimCLR's views, with quarter turns and mirrors of both axes. */
export function anyOrientationViews(options: Parameters<typeof simclrViews>[0]): Augmentation {
  return anyOrientation(simclrViews(options))
}

/**
 * Two large views and several small ones, whose crops take smaller parts (SwAV: Caron et al. 2020,
 * arXiv:2006.09882). The returned views are in order: large ones first.
 */
export function multiCropViews({
  size,
  smallSize = Math.round((size * 96) / 224),
  small = 6,
  boundary = 0.14,
  ...options
}: Parameters<typeof simclrViews>[0] & {
  /** side of the small views */
  readonly smallSize?: number
  /** how many small views */
  readonly small?: number
  /** large crops take at least this part of the area, small ones at most */
  readonly boundary?: number
}): Augmentation {
  expected(
    boundary > 0.05 && boundary < 1,
    `multiCropViews: boundary must lie between 0.05 and 1; got ${boundary}`,
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
