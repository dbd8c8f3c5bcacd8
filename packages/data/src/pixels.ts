/** A decoded image, 0..255, [height, width, channels]. */
export interface Pixels {
  readonly data: Uint8Array
  readonly width: number
  readonly height: number
}
