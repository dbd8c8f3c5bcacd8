import {
  type Augmentation,
  anyOrientation,
  byolViews,
  grayViews,
  mocoV1Views,
  mocoV2Views,
} from '@selfsup/augment'
import type { Normalisation, OptionValues } from '@selfsup/core'
import type { options } from './options.js'

/**
 * The augmentations of a version's paper, v3's being BYOL's; blur is left out for pictures of up to 64 pixels.
 * @param pictures side and channels of what the backbone takes
 * @param transformer v3 takes larger crops for ResNets than for vision transformers
 */
export function chooseViews(
  { version, views, jitter: strength, blur, minScale }: OptionValues<typeof options>,
  { size, channels }: { readonly size: number; readonly channels: number },
  normalisation: Normalisation | undefined,
  transformer: boolean,
): Augmentation {
  const usual = { v1: 0, v2: 0.5, v3: 1 }[version]
  const gaussianBlur = blur >= 0 ? blur : size <= 64 ? 0 : usual
  if (views === 'gray' || (views === 'auto' && channels === 1))
    return grayViews({ size, normalisation, minScale: minScale || 0.3, gaussianBlur: Math.max(0, blur) })

  const common = { size, normalisation, strength }
  const made = {
    v1: () => mocoV1Views({ ...common, gaussianBlur, minScale: minScale || 0.2 }),
    v2: () => mocoV2Views({ ...common, gaussianBlur, minScale: minScale || 0.2 }),
    v3: () =>
      byolViews({
        ...common,
        gaussianBlur: [gaussianBlur, gaussianBlur / 10],
        minScale: minScale || (transformer ? 0.08 : 0.2),
      }),
  }[version]()
  return views === 'anyOrientation' ? anyOrientation(made) : made
}
