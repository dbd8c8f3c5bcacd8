import {
  type Augmentation,
  augmentation,
  normalisationOf,
  scaledJitter,
  simclrRecipe,
  type ViewOptions,
} from '@selfsup/augment'
import { ifAuto, type Normalisation } from '@selfsup/core'
import type { MetricLearningSettings } from './options.js'

/** Random crops; for colour images also flips, jitter and conversion to grey. Each copy is drawn independently. */
export function chooseViews(
  size: number,
  channels: number,
  copies: number,
  { minScale, jitter }: MetricLearningSettings,
  normalisation?: Normalisation,
): Augmentation {
  const colour: Partial<ViewOptions> = {
    horizontalFlip: 0.5,
    ...(jitter > 0 && {
      grayscale: 0.2,
      jitter: scaledJitter(simclrRecipe.jitter, jitter),
    }),
  }
  const gray = channels === 1
  const view: ViewOptions = { size, scale: [ifAuto(minScale, gray ? 0.3 : 0.2), 1], ...(gray ? {} : colour) }
  return augmentation(Array(copies).fill(view), normalisationOf(channels, normalisation))
}
