import {
  bandJitterOption,
  blurOption,
  byolRecipe,
  grayscaleOption,
  jitterOption,
  minScaleOption,
  mocoV1Recipe,
  mocoV2Recipe,
  secondBlurOption,
  type TwoViewRecipe,
  usedGrayViews,
  usedSmallImages,
  viewsOption,
} from '@selfsup/augment'
import {
  currentValue,
  type ImageShape,
  ifAuto,
  type MethodOptions,
  type OptionValues,
  type StoredOptions,
  type TrainingDefaults,
} from '@selfsup/core'

/** The value of `'auto'` depends on the version (see `settingsOf`). */
export const options = {
  version: {
    type: 'choice',
    default: 'v2',
    choices: ['v1', 'v2', 'v3'],
    description:
      'version of MoCo: v1; v2 adds a two-layer projector, stronger augmentations and a cosine schedule; v3 replaces the queue by the batch’s other images, adds a predictor and makes the loss symmetric',
  },
  queue: {
    type: 'number',
    default: 4096,
    min: 1,
    integer: true,
    description:
      'v1 and v2: number of keys in the queue of negatives, at least the batch size; the paper uses 65536 for the 1.3 million images of ImageNet',
  },
  momentum: {
    type: 'number',
    default: 'auto',
    min: 0,
    max: 1,
    earlier: { auto: -1 },
    description:
      'momentum of the key encoder; auto: 0.999, for images of up to 64 pixels and in v3 0.99. In v3 it rises to 1 during training',
  },
  temperature: {
    type: 'number',
    default: 'auto',
    min: 0.001,
    earlier: { auto: 0 },
    description:
      'temperature of the loss: similarities are divided by it; auto: 0.07 in v1, 0.2 in v2 (0.1 for images of up to 64 pixels), 1 in v3 (0.2 for vision transformers)',
  },
  batchGroups: {
    type: 'number',
    default: 'auto',
    min: 1,
    integer: true,
    earlier: { auto: 0 },
    description:
      'number of groups of a batch that batch normalisation treats separately, so that a query and its key rarely share statistics; auto: 8, in v3 1',
  },
  hidden: {
    type: 'number',
    default: 'auto',
    min: 1,
    integer: true,
    earlier: { auto: 0 },
    description:
      'number of units in each hidden layer; auto: the number of backbone features, in v3 twice that',
  },
  outputs: {
    type: 'number',
    default: 'auto',
    min: 1,
    integer: true,
    earlier: { auto: 0 },
    description: 'number of features of the embeddings that the loss compares; auto: 128, in v3 256',
  },
  layers: {
    type: 'number',
    default: 'auto',
    min: 1,
    integer: true,
    earlier: { auto: 0 },
    description:
      'number of linear layers in the projector; auto: 1 in v1, 2 in v2 and v3 (3 for vision transformers in v3)',
  },
  freezePatches: {
    type: 'boolean',
    default: true,
    description: 'v3: keep the random patch projection of a vision transformer fixed',
  },
  views: viewsOption,
  jitter: jitterOption,
  bandJitter: bandJitterOption,
  grayscale: grayscaleOption,
  blur: {
    ...blurOption(mocoV2Recipe),
    description:
      'probability of Gaussian blur, in v3 in the first view; auto: 0 for images of up to 64 pixels and in v1, else 0.5 in v2 and 1 in v3',
  },
  blur2: {
    ...secondBlurOption(byolRecipe),
    description:
      'probability of Gaussian blur in the second view; auto: the probability in the first, in v3 a tenth of it',
  },
  minScale: {
    ...minScaleOption(mocoV2Recipe),
    description:
      'smallest area of a random crop, as a fraction of the image; auto: 0.2 (0.08 for vision transformers in v3), or 0.3 for gray views',
  },
} as const satisfies MethodOptions

export type MocoOptions = Partial<OptionValues<typeof options>>

/** The options whose `'auto'` depends on the version, resolved to numbers. */
export interface MocoSettings {
  readonly momentum: number
  readonly temperature: number
  readonly batchGroups: number
  readonly hidden: number
  readonly outputs: number
  readonly layers: number
}

/** What the values of `'auto'` depend on besides the version. */
export interface MocoBackbone {
  readonly features: number
  readonly transformer: boolean
  readonly small: boolean
}

/**
 * Replaces `'auto'` by the version's values: MoCo (sections 3.3 and 4.1), MoCo v2 (section 3), MoCo v3 (section 4, and its
 * code for ResNets). The momentum of v1 and v2 and the temperature of v2 for small images are those of the authors' code for
 * CIFAR-10 (colab.research.google.com/github/facebookresearch/moco/blob/colab-notebook/colab/moco_cifar10_demo.ipynb).
 * @param backbone number of its features; whether it is a vision transformer, for which v3 uses different values than for a
 *   ResNet; whether its images are small
 */
export function settingsOf(
  given: OptionValues<typeof options>,
  { features, transformer, small }: MocoBackbone,
): MocoSettings {
  const queued = { momentum: small ? 0.99 : 0.999, batchGroups: 8, hidden: features, outputs: 128 }
  const versions = {
    v1: { ...queued, temperature: 0.07, layers: 1 },
    v2: { ...queued, temperature: small ? 0.1 : 0.2, layers: 2 },
    v3: {
      momentum: 0.99,
      temperature: transformer ? 0.2 : 1,
      batchGroups: 1,
      hidden: 2 * features,
      outputs: 256,
      layers: transformer ? 3 : 2,
    },
  }
  const own = versions[given.version]
  return {
    momentum: ifAuto(given.momentum, own.momentum),
    temperature: ifAuto(given.temperature, own.temperature),
    batchGroups: ifAuto(given.batchGroups, own.batchGroups),
    hidden: ifAuto(given.hidden, own.hidden),
    outputs: ifAuto(given.outputs, own.outputs),
    layers: ifAuto(given.layers, own.layers),
  }
}

/**
 * The augmentations of a version's paper. Those of v3 are BYOL's.
 * @param transformer whether the backbone is a vision transformer; v3 uses larger crops for ResNets
 */
export function recipeOf(version: 'v1' | 'v2' | 'v3', transformer: boolean): TwoViewRecipe {
  if (version === 'v3') return transformer ? byolRecipe : { ...byolRecipe, minScale: 0.2 }
  return version === 'v1' ? mocoV1Recipe : mocoV2Recipe
}

/** Converts options of runs of earlier versions. */
export function migrate(stored: StoredOptions, images?: ImageShape): StoredOptions {
  return migrateBlurs(migrateSmallImages(stored, images), images)
}

/** In runs from before `grayscale`, v1 and v2 had the same momentum and temperature for small images as for large ones. */
function migrateSmallImages(stored: StoredOptions, images?: ImageShape): StoredOptions {
  if ('grayscale' in stored || stored.version === 'v3' || !usedSmallImages(images)) return stored
  const auto = (name: 'momentum' | 'temperature') => currentValue(options[name], stored[name]) === 'auto'
  return {
    ...stored,
    ...(auto('momentum') && { momentum: 0.999 }),
    ...(auto('temperature') && stored.version !== 'v1' && { temperature: 0.2 }),
  }
}

/** In runs from before `blur2`, both grey views were blurred with the probability that was set, by default 0. */
function migrateBlurs(stored: StoredOptions, images?: ImageShape): StoredOptions {
  if ('blur2' in stored || !usedGrayViews(stored, images)) return stored
  const blur = Math.max(0, Number(stored.blur ?? 0))
  return { ...stored, blur, blur2: blur }
}

const sgd = { name: 'sgd', momentum: 0.9, weightDecay: 1e-4 } as const
const schedules = {
  v1: { epochs: 200, learningRate: 0.03, optimizer: sgd, schedule: { name: 'step', milestones: [120, 160] } },
  v2: { epochs: 200, learningRate: 0.03, optimizer: sgd, schedule: { name: 'cosine' } },
  v3: {
    epochs: 300,
    learningRate: 0.3,
    optimizer: { name: 'lars', momentum: 0.9, weightDecay: 1e-6 },
    schedule: { name: 'cosine', warmupEpochs: 10 },
  },
} as const satisfies Record<string, Omit<TrainingDefaults, 'batchSize' | 'scaling'>>

/** The papers' training settings for ImageNet; in v3 those for ResNets. */
export const training = ({ version }: OptionValues<typeof options>): TrainingDefaults => ({
  batchSize: 256,
  scaling: 'linear',
  ...schedules[version],
})
