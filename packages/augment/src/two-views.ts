import { expected, ifAuto, type Normalisation } from '@selfsup/core'
import { type Augmentation, augmentation } from './augmentation.js'
import { normalisationOf } from './normalise.js'
import { anyOrientation } from './orientation.js'
import type { TwoViewRecipe } from './two-view-recipes.js'
import type { ViewOptions } from './view-options.js'

/** Options of two views. `'auto'` means the paper's value. */
export interface TwoViewSettings {
  /** `colour`: the paper's; `gray`: crops and blur only; `anyOrientation`: also quarter turns and flips along both axes */
  readonly views?: 'auto' | 'colour' | 'gray' | 'anyOrientation'
  /** strength of the colour jitter, as a multiple of the paper's */
  readonly jitter?: number | 'auto'
  /**
   * strength of the jitter of each band by itself, as a multiple of the paper's brightness and contrast, for images whose channels are not
   * one or three; default 0
   */
  readonly bandJitter?: number
  /** probability of blur in the first view */
  readonly blur?: number | 'auto'
  /** probability of blur in the second view */
  readonly blur2?: number | 'auto'
  readonly minScale?: number | 'auto'
  /** probability of converting a view to grey; not used for grey views; default 0.2, as in the papers */
  readonly grayscale?: number
  /** probability of solarisation in each view; not used for grey views */
  readonly solarise?: readonly [number, number]
}

/** The images from which views are created. */
export interface TwoViewImages {
  /** side of the views in pixels */
  readonly size: number
  readonly channels: number
  readonly normalisation?: Normalisation
}

/** Images up to this side in pixels count as small and are not blurred by default (Chen et al. 2020, arXiv:2002.05709, appendix B.9). */
export const SMALL_SIZE = 64

/** Default smallest area of a crop of a grey image. It is larger because only shapes distinguish grey images. */
const GRAY_MIN_SCALE = 0.3

/**
 * Creates the two views of a method: the paper's for colour images, its crops and blur without colour operations for grey
 * images. Images of up to 64 pixels are blurred only if a probability is set.
 *
 * If only `blur` is set, the probability in the second view keeps the paper's ratio: in BYOL a tenth.
 * @param images size and channels decide what `'auto'` means
 * @param settings the user's options
 * @param recipe values of the paper
 * @throws SelfsupError when the jitter, the smallest area or a probability is out of range
 */
export function chooseTwoViews(
  { size, channels, normalisation }: TwoViewImages,
  settings: TwoViewSettings,
  recipe: TwoViewRecipe,
): Augmentation {
  const {
    views = 'auto',
    jitter = 'auto',
    bandJitter = 0,
    minScale = 'auto',
    grayscale = 0.2,
    solarise = recipe.solarise ?? [0, 0],
  } = settings
  const small = size <= SMALL_SIZE
  const gray = views === 'gray' || (views === 'auto' && channels === 1)
  const strength = ifAuto(jitter, small ? (recipe.smallJitter ?? 1) : 1)
  const smallest = ifAuto(minScale, gray ? GRAY_MIN_SCALE : minScaleOf(recipe, small))
  const blurs = blurProbabilities(settings, recipe, small)
  expected(strength >= 0, `chooseTwoViews: jitter must be at least 0; got ${strength}`)
  const ofBands = channels === 1 || channels === 3 ? 0 : bandJitter
  expected(ofBands >= 0, `chooseTwoViews: bandJitter must be at least 0; got ${ofBands}`)
  const fractions = { minScale: smallest, grayscale, blur: blurs[0], blur2: blurs[1] }
  for (const [name, value] of Object.entries(fractions))
    expected(value >= 0 && value <= 1, `chooseTwoViews: ${name} must be from 0 to 1; got ${value}`)

  const viewOf = (view: 0 | 1): ViewOptions => ({
    size,
    scale: [smallest, 1],
    horizontalFlip: gray ? 0 : 0.5,
    ...(!gray && { jitter: scaledJitter(recipe.jitter, strength), grayscale }),
    ...(!gray && ofBands > 0 && { bandJitter: scaledBandJitter(recipe.jitter, ofBands) }),
    blur: blurOf(size, blurs[view]),
    ...(!gray && solarise[view] > 0 && { solarise: { probability: solarise[view], threshold: 0.5 } }),
  })
  const made = augmentation([viewOf(0), viewOf(1)], normalisationOf(channels, normalisation))
  return views === 'anyOrientation' ? anyOrientation(made) : made
}

/** The first of the two views that `chooseTwoViews` makes, for methods with one view of each image. */
export function chooseOneView(
  images: TwoViewImages,
  settings: TwoViewSettings,
  recipe: TwoViewRecipe,
): Augmentation {
  const { views, normalisation } = chooseTwoViews(images, settings, recipe)
  return augmentation([views[0]!], normalisation)
}

/** Default smallest area of a crop of a colour image. */
function minScaleOf({ minScale, smallMinScale = minScale }: TwoViewRecipe, small: boolean): number {
  return small ? smallMinScale : minScale
}

function blurProbabilities(
  { blur = 'auto', blur2 = 'auto' }: TwoViewSettings,
  recipe: TwoViewRecipe,
  small: boolean,
): readonly [number, number] {
  const [first, second] = recipe.blur
  if (blur === 'auto') {
    const usual = small ? [0, 0] : recipe.blur
    return [usual[0]!, ifAuto(blur2, usual[1]!)]
  }
  const proportion = first > 0 && second > 0 ? first / second : 1
  return [blur, ifAuto(blur2, blur / proportion)]
}

/** Multiplies the strength of a colour jitter; its probability stays the same, and the hue shift is at most half a turn. */
export function scaledJitter(
  jitter: NonNullable<ViewOptions['jitter']>,
  strength: number,
): NonNullable<ViewOptions['jitter']> {
  return {
    probability: jitter.probability,
    brightness: jitter.brightness * strength,
    contrast: jitter.contrast * strength,
    saturation: jitter.saturation * strength,
    hue: Math.min(0.5, jitter.hue * strength),
  }
}

/** The jitter of each band by itself: a paper's probability, brightness and contrast, times a strength. */
function scaledBandJitter(
  { probability, brightness, contrast }: NonNullable<ViewOptions['jitter']>,
  strength: number,
): NonNullable<ViewOptions['bandJitter']> {
  return { probability, brightness: brightness * strength, contrast: contrast * strength }
}

/** Settings of a blur with a kernel of a tenth of the side, rounded to an odd number, as in the papers' code. */
export function blurOf(size: number, probability: number): ViewOptions['blur'] {
  if (probability === 0) return undefined
  return { probability, sigma: [0.1, 2], kernelSize: Math.max(3, 2 * Math.floor(size / 20) + 1) }
}
