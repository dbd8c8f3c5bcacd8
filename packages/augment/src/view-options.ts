import type { BandJitterStrength } from './band-jitter.js'
import type { JitterStrength } from './color-jitter.js'

/** The operations that create a view of an image, in this order. Omitted operations are not applied. */
export interface ViewOptions {
  /** side of the view in pixels */
  readonly size: number
  /** smallest and largest area of the crop, as fractions of the image */
  readonly scale: readonly [number, number]
  /** smallest and largest aspect ratio (width / height) of the crop; default 3/4 to 4/3, as in torchvision */
  readonly ratio?: readonly [number, number]
  /** probability of swapping left and right */
  readonly horizontalFlip?: number
  /** probability of swapping top and bottom */
  readonly verticalFlip?: number
  /** rotate by a random multiple of 90 degrees, each equally likely */
  readonly quarterTurns?: boolean
  readonly jitter?: JitterStrength & { readonly probability: number }
  /** own changes of the brightness and contrast of each band, for images whose channels are not one or three */
  readonly bandJitter?: BandJitterStrength & { readonly probability: number }
  /** probability of converting to grey */
  readonly grayscale?: number
  readonly blur?: {
    readonly probability: number
    readonly sigma: readonly [number, number]
    readonly kernelSize: number
  }
  readonly solarise?: { readonly probability: number; readonly threshold: number }
}
