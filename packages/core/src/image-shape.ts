/** Size and channels of square images. */
export interface ImageShape {
  /** side length in pixels */
  readonly size: number
  readonly channels: number
}
