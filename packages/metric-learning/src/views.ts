import {
  type Augmentation,
  augmentation,
  grayNormalisation,
  imagenetNormalisation,
  type ViewOptions,
} from '@selfsup/augment'
import { ifAuto } from '@selfsup/core'
import type { MetricLearningSettings } from './options.js'

/** Random crops; for colour images also flips, jitter and conversion to grey. Each copy is drawn independently. */
export function chooseViews(
  size: number,
  channels: number,
  copies: number,
  { minScale, jitter }: MetricLearningSettings,
  normalisation = channels === 1 ? grayNormalisation : imagenetNormalisation,
): Augmentation {
  const colour: Partial<ViewOptions> = {
    horizontalFlip: 0.5,
    ...(jitter > 0 && {
      grayscale: 0.2,
      jitter: {
        probability: 0.8,
        brightness: 0.8 * jitter,
        contrast: 0.8 * jitter,
        saturation: 0.8 * jitter,
        hue: 0.2 * jitter,
      },
    }),
  }
  const gray = channels === 1
  const view: ViewOptions = { size, scale: [ifAuto(minScale, gray ? 0.3 : 0.2), 1], ...(gray ? {} : colour) }
  return augmentation(Array(copies).fill(view), normalisation)
}
