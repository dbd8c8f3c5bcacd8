import type { JitterStrength } from './color-jitter.js'

/** What happens to an image to make a view of it, in this order; what is absent is left out. */
export interface ViewOptions {
  /** side of the view in pixels */
  readonly size: number
  /** part of the image's area that the crop takes, smallest and largest */
  readonly scale: readonly [number, number]
  /** ratio of the crop's width to its height; 3/4 to 4/3 as in torchvision */
  readonly ratio?: readonly [number, number]
  /** probability of mirroring left and right */
  readonly horizontalFlip?: number
  /** probability of mirroring top and bottom */
  readonly verticalFlip?: number
  /** turn by a multiple of 90 degrees, each equally likely */
  readonly quarterTurns?: boolean
  readonly jitter?: JitterStrength & { readonly probability: number }
  /** probability of turning grey */
  readonly grayscale?: number
  readonly blur?: {
    readonly probability: number
    readonly sigma: readonly [number, number]
    readonly kernelSize: number
  }
  readonly solarise?: { readonly probability: number; readonly threshold: number }
}
