import {
  type Augmentation,
  augmentation,
  chooseOneView,
  mocoV2Recipe,
  normalisationOf,
} from '@selfsup/augment'
import type { Normalisation, OptionValues } from '@selfsup/core'
import type { options } from './options.js'

/** The view of an image that student and teacher see: one, with the augmentations of MoCo v2, or the unchanged image. */
export function chooseView(
  { size, channels, normalisation }: { size: number; channels: number; normalisation?: Normalisation },
  { views, ...settings }: OptionValues<typeof options>,
): Augmentation {
  const images = { size, channels, normalisation: normalisationOf(channels, normalisation) }
  if (views === 'fixed') return augmentation([{ size, scale: [1, 1], ratio: [1, 1] }], images.normalisation)
  const { jitter, blur, minScale } = settings
  const chosen = views === 'auto' && channels !== 3 ? 'gray' : views
  return chooseOneView(images, { views: chosen, jitter, blur, minScale }, mocoV2Recipe)
}
