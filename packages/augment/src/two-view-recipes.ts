import type { ViewOptions } from './view-options.js'

/** Augmentations of a paper's two views, for colour images of more than 64 pixels. */
export interface TwoViewRecipe {
  /** smallest area of a crop, as a fraction of the image */
  readonly minScale: number
  /** the same for colour images of up to 64 pixels; default `minScale` */
  readonly smallMinScale?: number
  /** the paper's colour jitter; the option `jitter` scales it */
  readonly jitter: NonNullable<ViewOptions['jitter']>
  /** strength of the jitter for images of up to 64 pixels; default 1 */
  readonly smallJitter?: number
  /** probability of Gaussian blur in each view */
  readonly blur: readonly [number, number]
  /** probability of solarisation in each view; default none */
  readonly solarise?: readonly [number, number]
}

/**
 * SimCLR (Chen et al. 2020, arXiv:2002.05709, appendix A; appendix B.9 for small images, except their crops, which were chosen
 * on a validation split of CIFAR-10: see `methods` in tooling/bench/RESULTS.md).
 */
export const simclrRecipe: TwoViewRecipe = {
  minScale: 0.08,
  smallMinScale: 0.2,
  jitter: { probability: 0.8, brightness: 0.8, contrast: 0.8, saturation: 0.8, hue: 0.2 },
  smallJitter: 0.5,
  blur: [0.5, 0.5],
}

/**
 * MoCo v1 (He et al. 2020, arXiv:1911.05722, section 3.3): every view is jittered, none is blurred. The authors' code
 * converts to grey before the jitter, here it is after; the results differ only by rounding.
 */
export const mocoV1Recipe: TwoViewRecipe = {
  minScale: 0.2,
  jitter: { probability: 1, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.4 },
  blur: [0, 0],
}

/** MoCo v2 (Chen et al. 2020, arXiv:2003.04297), and SimSiam (Chen & He 2020, arXiv:2011.10566, appendix A). */
export const mocoV2Recipe: TwoViewRecipe = {
  minScale: 0.2,
  jitter: { probability: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 },
  blur: [0.5, 0.5],
}

/**
 * BYOL (Grill et al. 2020, arXiv:2006.07733, table 6), MoCo v3, and Barlow Twins (Zbontar et al. 2021, arXiv:2103.03230,
 * section 2.2): the second view is rarely blurred and sometimes solarised.
 */
export const byolRecipe: TwoViewRecipe = {
  minScale: 0.08,
  jitter: { probability: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.2, hue: 0.1 },
  blur: [1, 0.1],
  solarise: [0, 0.2],
}
