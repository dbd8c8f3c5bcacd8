import {
  bandJitterOption,
  byolRecipe,
  firstBlurOption,
  grayscaleOption,
  jitterOption,
  minScaleOption,
  secondBlurOption,
  usedGrayViews,
  usedSmallImages,
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
    description:
      'momentum of the target network at the start of training, from which it rises to 1; the paper uses 0.99 for 300 epochs and 0.996 for 1000',
  },
  hidden: {
    type: 'number',
    default: 'auto',
    min: 1,
    integer: true,
    earlier: { auto: 0 },
    description:
      'number of units in each hidden layer of projector and predictor; auto: twice the number of backbone features',
  },
  outputs: {
    type: 'number',
    default: 256,
    min: 1,
    integer: true,
    description: 'number of features of the embeddings that the loss compares',
  },
  views: viewsOption,
  jitter: jitterOption,
  bandJitter: bandJitterOption,
  grayscale: grayscaleOption,
  minScale: minScaleOption(byolRecipe),
  blur: { ...firstBlurOption(byolRecipe), earlier: { name: 'blur1', auto: -1 } },
  blur2: { ...secondBlurOption(byolRecipe), earlier: { auto: -1 } },
  solarise: {
    ...probability,
    default: 0,
    earlier: { name: 'solarise1' },
    description: 'probability of solarising the first view',
  },
  solarise2: { ...probability, default: 0.2, description: 'probability of solarising the second view' },
} as const

export type ByolOptions = Partial<OptionValues<typeof options>>

/** The paper's settings for 300 epochs (appendix, and `_LR_PRESETS`, `_WD_PRESETS`, `_EMA_PRESETS` in its code). */
export const training: TrainingDefaults = {
  epochs: 300,
  batchSize: 256,
  learningRate: 0.3,
  scaling: 'linear',
  schedule: { name: 'cosine', warmupEpochs: 10 },
  optimizer: { name: 'lars', momentum: 0.9, weightDecay: 1e-6, exclude: 'biases-and-norms' },
}

/**
 * In runs whose first blur option is called `blur1`, the default of each view did not depend on the other view, and both
 * grey views were blurred with the larger of the given probabilities.
 */
export function migrate(stored: StoredOptions, images?: ImageShape): StoredOptions {
  if (!('blur1' in stored)) return stored
  const [first, second] = [Number(stored.blur1), Number(stored.blur2)]
  if (usedGrayViews(stored, images)) {
    const blur = Math.max(0, first, second)
    return { ...stored, blur1: blur, blur2: blur }
  }
  if (first < 0 || second >= 0) return stored
  return { ...stored, blur2: usedSmallImages(images) ? 0 : byolRecipe.blur[1] }
}
