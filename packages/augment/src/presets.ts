import { expected, type Normalisation } from '@selfsup/core'
import { type Augmentation, augmentation } from './augmentation.js'
import { grayNormalisation, imagenetNormalisation } from './normalise.js'
import type { ViewOptions } from './view-options.js'

export interface PresetOptions {
  /** side of the views in pixels */
  readonly size: number
  readonly normalisation?: Normalisation
}

/** Taps of the blur: a tenth of the side, odd, as in the papers' code. */
function blur(size: number, probability: number): ViewOptions['blur'] {
  if (probability === 0) return undefined
  return { probability, sigma: [0.1, 2], kernelSize: Math.max(3, 2 * Math.floor(size / 20) + 1) }
}

/** What SimCLR (Chen et al. 2020, arXiv:2002.05709, appendix A) does to both views. */
export function simclrViews({
  size,
  normalisation,
  strength = 1,
  gaussianBlur = 0.5,
  minScale = 0.08,
}: PresetOptions & {
  /** of the colour jitter; 0.5 for small pictures such as CIFAR's */
  readonly strength?: number
  /** probability; 0 for small pictures such as CIFAR's */
  readonly gaussianBlur?: number
  readonly minScale?: number
}): Augmentation {
  const view: ViewOptions = {
    size,
    scale: [minScale, 1],
    horizontalFlip: 0.5,
    jitter: {
      probability: 0.8,
      brightness: 0.8 * strength,
      contrast: 0.8 * strength,
      saturation: 0.8 * strength,
      hue: 0.2 * strength,
    },
    grayscale: 0.2,
    blur: blur(size, gaussianBlur),
  }
  return augmentation([view, view], normalisation ?? imagenetNormalisation)
}

/**
 * What MoCo (He et al. 2020, arXiv:1911.05722, section 3.3) does to both views: every one is jittered, hue included,
 * none blurred. Its code turns pictures grey before the jitter; here it is after, which but for rounding is the same.
 */
export function mocoV1Views({
  size,
  normalisation,
  strength = 1,
  gaussianBlur = 0,
  minScale = 0.2,
}: MocoViewOptions): Augmentation {
  return mocoViews(
    { size, normalisation, gaussianBlur, minScale },
    { probability: 1, ...jitter(strength, 0.4, 0.4) },
  )
}

/** What MoCo v2 (Chen et al. 2020, arXiv:2003.04297) does to both views; SimSiam (arXiv:2011.10566) does the same. */
export function mocoV2Views({
  size,
  normalisation,
  strength = 1,
  gaussianBlur = 0.5,
  minScale = 0.2,
}: MocoViewOptions): Augmentation {
  return mocoViews(
    { size, normalisation, gaussianBlur, minScale },
    { probability: 0.8, ...jitter(strength, 0.4, 0.1) },
  )
}

interface MocoViewOptions extends PresetOptions {
  /** of the colour jitter */
  readonly strength?: number
  /** probability; 0 for small pictures such as CIFAR's */
  readonly gaussianBlur?: number
  readonly minScale?: number
}

function mocoViews(
  {
    size,
    normalisation,
    gaussianBlur,
    minScale,
  }: MocoViewOptions & { gaussianBlur: number; minScale: number },
  jitter: ViewOptions['jitter'],
): Augmentation {
  const view: ViewOptions = {
    size,
    scale: [minScale, 1],
    horizontalFlip: 0.5,
    jitter,
    grayscale: 0.2,
    blur: blur(size, gaussianBlur),
  }
  return augmentation([view, view], normalisation ?? imagenetNormalisation)
}

/** Brightness and contrast by 0.4, as MoCo and BYOL have them. */
function jitter(strength: number, saturation: number, hue: number) {
  return {
    brightness: 0.4 * strength,
    contrast: 0.4 * strength,
    saturation: saturation * strength,
    hue: Math.min(0.5, hue * strength),
  }
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
  /** probability in each view; [0, 0] for small pictures such as CIFAR's */
  readonly gaussianBlur?: readonly [number, number]
  /** probability in each view */
  readonly solarise?: readonly [number, number]
  readonly minScale?: number
}): Augmentation {
  const views = [0, 1].map(
    (view): ViewOptions => ({
      size,
      scale: [minScale, 1],
      horizontalFlip: 0.5,
      jitter: { probability: 0.8, ...jitter(strength, 0.2, 0.1) },
      grayscale: 0.2,
      blur: blur(size, gaussianBlur[view]!),
      ...(solarise[view]! > 0 && { solarise: { probability: solarise[view]!, threshold: 0.5 } }),
    }),
  )
  return augmentation(views, normalisation ?? imagenetNormalisation)
}

/**
 * Barlow Twins (Zbontar et al. 2021, arXiv:2103.03230) takes BYOL's views.
 * @alias
 */
export const barlowTwinsViews = byolViews

/** For grey pictures (MNIST, X-ray): crops and, where left and right may be swapped, mirrors; no colour. */
export function grayViews({
  size,
  normalisation,
  horizontalFlip = 0,
  minScale = 0.3,
  gaussianBlur = 0,
}: PresetOptions & { horizontalFlip?: number; minScale?: number; gaussianBlur?: number }): Augmentation {
  const view: ViewOptions = { size, scale: [minScale, 1], horizontalFlip, blur: blur(size, gaussianBlur) }
  return augmentation([view, view], normalisation ?? grayNormalisation)
}

/** For pictures without an up (sky, cells, satellite): SimCLR's views, with quarter turns and mirrors of both axes. */
export function anyOrientationViews(options: Parameters<typeof simclrViews>[0]): Augmentation {
  return anyOrientation(simclrViews(options))
}

/** The same views, with quarter turns and mirrors of both axes: for pictures without an up. */
export function anyOrientation({ views, normalisation }: Augmentation): Augmentation {
  return augmentation(
    views.map((view) => ({ ...view, horizontalFlip: 0.5, verticalFlip: 0.5, quarterTurns: true })),
    normalisation,
  )
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
    blur: view.blur && blur(smallSize, view.blur.probability),
  }
  return augmentation([large, large, ...Array.from({ length: small }, () => little)], normalisation)
}
