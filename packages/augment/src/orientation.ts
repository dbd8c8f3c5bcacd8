import { type Augmentation, augmentation } from './augmentation.js'

/** Adds quarter turns and flips along both axes to the views, for images without a preferred orientation. */
export function anyOrientation({ views, normalisation }: Augmentation): Augmentation {
  return augmentation(
    views.map((view) => ({ ...view, horizontalFlip: 0.5, verticalFlip: 0.5, quarterTurns: true })),
    normalisation,
  )
}
