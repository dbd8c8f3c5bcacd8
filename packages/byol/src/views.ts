import { type Augmentation, anyOrientation, byolViews, grayViews, mocoV2Views } from '@selfsup/augment'
import type { MethodOptions, Normalisation, OptionValues } from '@selfsup/core'
import type { LayersModel } from '@tensorflow/tfjs-layers'

const probability = { type: 'number', min: -1, max: 1 } as const

/** What both methods can be told of the views; a zero (or -1) stands for what the method has. */
const common = {
  views: {
    type: 'choice',
    default: 'auto',
    choices: ['auto', 'colour', 'gray', 'anyOrientation'],
    description: 'augmentations; auto: gray for pictures of one channel',
  },
  jitter: { type: 'number', default: 1, min: 0, max: 5, description: 'strength of the colour jitter' },
  minScale: { type: 'number', default: 0, min: 0, max: 1 },
} as const

export const byolViewOptions = {
  ...common,
  minScale: {
    ...common.minScale,
    description: 'smallest part of the picture a crop takes; 0: 0.08, gray 0.3',
  },
  blur1: {
    ...probability,
    default: -1,
    description: 'probability of blur in the first view; -1: none up to 64 pixels, else 1',
  },
  blur2: {
    ...probability,
    default: -1,
    description: 'probability of blur in the second view; -1: none up to 64 pixels, else 0.1',
  },
  solarise1: { ...probability, min: 0, default: 0, description: 'probability of solarising the first view' },
  solarise2: {
    ...probability,
    min: 0,
    default: 0.2,
    description: 'probability of solarising the second view',
  },
} as const satisfies MethodOptions

export const simsiamViewOptions = {
  ...common,
  minScale: {
    ...common.minScale,
    description: 'smallest part of the picture a crop takes; 0: 0.2, gray 0.3',
  },
  blur: {
    ...probability,
    default: -1,
    description: 'probability of Gaussian blur; -1: none up to 64 pixels, else 0.5',
  },
} as const satisfies MethodOptions

/** BYOL's views, which differ (appendix B, table 6); without blur for pictures of up to 64 pixels. */
export function chooseByolViews(
  backbone: LayersModel,
  { views, jitter, minScale, blur1, blur2, solarise1, solarise2 }: OptionValues<typeof byolViewOptions>,
  normalisation: Normalisation | undefined,
): Augmentation {
  const { size, gray } = picturesOf(backbone, views)
  const usual = size <= 64 ? [0, 0] : [1, 0.1]
  const blurs = [blur1, blur2].map((blur, view) => (blur >= 0 ? blur : usual[view]!)) as [number, number]
  if (gray) {
    // The same for both, by the larger: what differs in BYOL's views is mostly colour.
    return grayViews({
      size,
      normalisation,
      minScale: minScale || 0.3,
      gaussianBlur: Math.max(0, blur1, blur2),
    })
  }
  const made = byolViews({
    size,
    normalisation,
    strength: jitter,
    minScale: minScale || 0.08,
    gaussianBlur: blurs,
    solarise: [solarise1, solarise2],
  })
  return views === 'anyOrientation' ? anyOrientation(made) : made
}

/** SimSiam's views are MoCo v2's (appendix A); without blur for pictures of up to 64 pixels. */
export function chooseSimsiamViews(
  backbone: LayersModel,
  { views, jitter, minScale, blur }: OptionValues<typeof simsiamViewOptions>,
  normalisation: Normalisation | undefined,
): Augmentation {
  const { size, gray } = picturesOf(backbone, views)
  if (gray)
    return grayViews({ size, normalisation, minScale: minScale || 0.3, gaussianBlur: Math.max(0, blur) })
  const made = mocoV2Views({
    size,
    normalisation,
    strength: jitter,
    minScale: minScale || 0.2,
    gaussianBlur: blur >= 0 ? blur : size <= 64 ? 0 : 0.5,
  })
  return views === 'anyOrientation' ? anyOrientation(made) : made
}

function picturesOf(backbone: LayersModel, views: string): { size: number; gray: boolean } {
  const [, size, , channels] = backbone.inputs[0]!.shape as [null, number, number, number]
  return { size, gray: views === 'gray' || (views === 'auto' && channels === 1) }
}
