import type { MethodOptions, OptionValues } from '@selfsup/core'

/** A zero (or -1) stands for what the paper of the version has. */
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
    default: -1,
    min: -1,
    max: 1,
    description: 'of the key encoder; -1: 0.999, in v3 0.99 rising to 1',
  },
  temperature: {
    type: 'number',
    default: 0,
    min: 0,
    description: 'divides the similarities; 0: 0.07 in v1, 0.2 in v2, 1 in v3 (vision transformers 0.2)',
  },
  batchGroups: {
    type: 'number',
    default: 0,
    min: 0,
    integer: true,
    description: 'parts of a batch that are normalised apart, a key in another than its query; 0: 8, in v3 1',
  },
  hidden: {
    type: 'number',
    default: 0,
    min: 0,
    integer: true,
    description: 'units of hidden layers; 0: as many as the backbone’s features, in v3 twice as many',
  },
  outputs: {
    type: 'number',
    default: 0,
    min: 0,
    integer: true,
    description: 'features that the loss compares; 0: 128, in v3 256',
  },
  layers: {
    type: 'number',
    default: 0,
    min: 0,
    integer: true,
    description: 'linear layers of the projector; 0: 1 in v1, 2 in v2 and v3 (vision transformers 3)',
  },
  freezePatches: {
    type: 'boolean',
    default: true,
    description: 'v3 leaves a vision transformer’s projection of patches as it was drawn',
  },
  views: {
    type: 'choice',
    default: 'auto',
    choices: ['auto', 'colour', 'gray', 'anyOrientation'],
    description: 'augmentations; auto: gray for pictures of one channel',
  },
  jitter: {
    type: 'number',
    default: 1,
    min: 0,
    max: 2.5,
    description: 'strength of the colour jitter',
  },
  blur: {
    type: 'number',
    default: -1,
    min: -1,
    max: 1,
    description:
      'probability of Gaussian blur, in v3 of the first view (the second’s is a tenth); -1: none up to 64 pixels and in v1, else 0.5, in v3 1',
  },
  minScale: {
    type: 'number',
    default: 0,
    min: 0,
    max: 1,
    description:
      'smallest part of the picture a crop takes; 0: 0.2 (vision transformers in v3 0.08), gray 0.3',
  },
} as const satisfies MethodOptions

export type MocoOptions = Partial<OptionValues<typeof options>>

/** What a version's zeros stand for. */
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
    momentum: given.momentum >= 0 ? given.momentum : own.momentum,
    temperature: given.temperature || own.temperature,
    batchGroups: given.batchGroups || own.batchGroups,
    hidden: given.hidden || own.hidden,
    outputs: given.outputs || own.outputs,
    layers: given.layers || own.layers,
  }
}
