import { type Augmentation, augmentation } from './augmentation.js'

/** The same views, with quarter turns and mirrors of both axes: for images without an up. */
export function anyOrientation({ views, normalisation }: Augmentation): Augmentation {
  return augmentation(
    views.map((view) => ({ ...view, horizontalFlip: 0.5, verticalFlip: 0.5, quarterTurns: true })),
    normalisation,
  )
}
