import {
  byolRecipe,
  firstBlurOption,
  hadGrayViews,
  hadSmallImages,
  jitterOption,
  minScaleOption,
  secondBlurOption,
  viewsOption,
} from '@selfsup/augment'
import type { ImageShape, OptionValues, StoredOptions, TrainingDefaults } from '@selfsup/core'

const probability = { type: 'number', min: 0, max: 1 } as const

export const options = {
  momentum: {
    type: 'number',
    default: 0.99,
    min: 0,
    max: 1,
    description: 'of the target network at the start; it rises to 1. The paper has 0.996 for 1000 epochs',
  },
  hidden: {
    type: 'number',
    default: 'auto',
    min: 1,
    integer: true,
    formerly: { auto: 0 },
    description:
      'units of the projector’s and the predictor’s hidden layers; auto: twice the backbone’s features',
  },
  outputs: {
    type: 'number',
    default: 256,
    min: 1,
    integer: true,
    description: 'features that the loss compares',
  },
  views: viewsOption,
  jitter: jitterOption,
  minScale: minScaleOption(byolRecipe),
  blur: { ...firstBlurOption(byolRecipe), formerly: { name: 'blur1', auto: -1 } },
  blur2: { ...secondBlurOption(byolRecipe), formerly: { auto: -1 } },
  solarise: {
    ...probability,
    default: 0,
    formerly: { name: 'solarise1' },
    description: 'probability of solarising the first view',
  },
  solarise2: { ...probability, default: 0.2, description: 'probability of solarising the second view' },
} as const

export type ByolOptions = Partial<OptionValues<typeof options>>

/** The paper's preset for 300 epochs (appendix, and `_LR_PRESETS`, `_WD_PRESETS`, `_EMA_PRESETS` of its code). */
export const training: TrainingDefaults = {
  epochs: 300,
  batchSize: 256,
  learningRate: 0.3,
  scaling: 'linear',
  schedule: { name: 'cosine', warmupEpochs: 10 },
  optimizer: { name: 'lars', momentum: 0.9, weightDecay: 1e-6, exclude: 'biases-and-norms' },
}

/**
 * When the first view's blur was called blur1, each view's default was its own, whatever the other's; grey views were
 * blurred alike, by the larger probability that was given.
 */
export function migrate(stored: StoredOptions, images?: ImageShape): StoredOptions {
  if (!('blur1' in stored)) return stored
  const [first, second] = [Number(stored.blur1), Number(stored.blur2)]
  if (hadGrayViews(stored, images)) {
    const blur = Math.max(0, first, second)
    return { ...stored, blur1: blur, blur2: blur }
  }
  if (first < 0 || second >= 0) return stored
  return { ...stored, blur2: hadSmallImages(images) ? 0 : byolRecipe.blur[1] }
}
