import {
  blurOption,
  byolRecipe,
  hadGrayViews,
  jitterOption,
  minScaleOption,
  mocoV1Recipe,
  mocoV2Recipe,
  secondBlurOption,
  type TwoViewRecipe,
  viewsOption,
} from '@selfsup/augment'
import {
  type ImageShape,
  ifAuto,
  type MethodOptions,
  type OptionValues,
  type StoredOptions,
  type TrainingDefaults,
} from '@selfsup/core'

/** What `'auto'` stands for is the version's own (`settingsOf`). */
export const options = {
  version: {
    type: 'choice',
    default: 'v2',
    choices: ['v1', 'v2', 'v3'],
    description:
      'v1; v2: a projector of two layers, stronger views, cosine; v3: no queue, a predictor, both views',
  },
  queue: {
    type: 'number',
    default: 4096,
    min: 1,
    integer: true,
    description: 'keys to be told from (v1, v2), at least a batch; 65536 for ImageNet’s 1.3 million pictures',
  },
  momentum: {
    type: 'number',
    default: 'auto',
    min: 0,
    max: 1,
    formerly: { auto: -1 },
    description: 'of the key encoder; auto: 0.999, in v3 0.99 rising to 1',
  },
  temperature: {
    type: 'number',
    default: 'auto',
    min: 0.001,
    formerly: { auto: 0 },
    description: 'divides the similarities; auto: 0.07 in v1, 0.2 in v2, 1 in v3 (vision transformers 0.2)',
  },
  batchGroups: {
    type: 'number',
    default: 'auto',
    min: 1,
    integer: true,
    formerly: { auto: 0 },
    description:
      'parts of a batch that are normalised apart, a key in another than its query; auto: 8, in v3 1',
  },
  hidden: {
    type: 'number',
    default: 'auto',
    min: 1,
    integer: true,
    formerly: { auto: 0 },
    description: 'units of hidden layers; auto: as many as the backbone’s features, in v3 twice as many',
  },
  outputs: {
    type: 'number',
    default: 'auto',
    min: 1,
    integer: true,
    formerly: { auto: 0 },
    description: 'features that the loss compares; auto: 128, in v3 256',
  },
  layers: {
    type: 'number',
    default: 'auto',
    min: 1,
    integer: true,
    formerly: { auto: 0 },
    description: 'linear layers of the projector; auto: 1 in v1, 2 in v2 and v3 (vision transformers 3)',
  },
  freezePatches: {
    type: 'boolean',
    default: true,
    description: 'v3 leaves a vision transformer’s projection of patches as it was drawn',
  },
  views: viewsOption,
  jitter: jitterOption,
  blur: {
    ...blurOption(mocoV2Recipe),
    description:
      'probability of Gaussian blur, in v3 of the first view; auto: none up to 64 pixels and in v1, else 0.5, in v3 1',
  },
  blur2: {
    ...secondBlurOption(byolRecipe),
    description:
      'probability of Gaussian blur in the second view; auto: as in the first, in v3 a tenth of that',
  },
  minScale: {
    ...minScaleOption(mocoV2Recipe),
    description:
      'smallest part of the picture a crop takes; auto: 0.2 (vision transformers in v3 0.08), gray 0.3',
  },
} as const satisfies MethodOptions

export type MocoOptions = Partial<OptionValues<typeof options>>

/** What a version's `'auto'`s stand for. */
export interface MocoSettings {
  readonly momentum: number
  readonly temperature: number
  readonly batchGroups: number
  readonly hidden: number
  readonly outputs: number
  readonly layers: number
}

/**
 * Options with the version's own values where none were given: MoCo (section 3.3 and 4.1), MoCo v2 (section 3), MoCo v3
 * (section 4, and its code for ResNets).
 * @param features of the backbone
 * @param transformer whether the backbone is a vision transformer, for which v3 has other values than for a ResNet
 */
export function settingsOf(
  given: OptionValues<typeof options>,
  features: number,
  transformer: boolean,
): MocoSettings {
  const versions = {
    v1: { momentum: 0.999, temperature: 0.07, batchGroups: 8, hidden: features, outputs: 128, layers: 1 },
    v2: { momentum: 0.999, temperature: 0.2, batchGroups: 8, hidden: features, outputs: 128, layers: 2 },
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
 * The augmentations of a version's paper, v3's being BYOL's.
 * @param transformer v3 takes larger crops for ResNets than for vision transformers
 */
export function recipeOf(version: 'v1' | 'v2' | 'v3', transformer: boolean): TwoViewRecipe {
  if (version === 'v3') return transformer ? byolRecipe : { ...byolRecipe, minScale: 0.2 }
  return version === 'v1' ? mocoV1Recipe : mocoV2Recipe
}

/** Before there was blur2, grey views were blurred alike, and not at all unless a probability was given. */
export function migrate(stored: StoredOptions, images?: ImageShape): StoredOptions {
  if ('blur2' in stored || !hadGrayViews(stored, images)) return stored
  const blur = Math.max(0, Number(stored.blur ?? 0))
  return { ...stored, blur, blur2: blur }
}

const sgd = { name: 'sgd', momentum: 0.9, weightDecay: 1e-4 } as const
/** The papers' for ImageNet; v3's for ResNets. */
const versions = {
  v1: { epochs: 200, learningRate: 0.03, optimizer: sgd, schedule: { name: 'step', milestones: [120, 160] } },
  v2: { epochs: 200, learningRate: 0.03, optimizer: sgd, schedule: { name: 'cosine' } },
  v3: {
    epochs: 300,
    learningRate: 0.3,
    optimizer: { name: 'lars', momentum: 0.9, weightDecay: 1e-6 },
    schedule: { name: 'cosine', warmupEpochs: 10 },
  },
} as const satisfies Record<string, Omit<TrainingDefaults, 'batchSize' | 'scaling'>>

export const training = ({ version }: OptionValues<typeof options>): TrainingDefaults => ({
  batchSize: 256,
  scaling: 'linear',
  ...versions[version],
})
