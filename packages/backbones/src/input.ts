import { expected } from '@selfsup/core'

/** Options of every backbone. */
export interface BackboneOptions {
  /** side of the images in pixels */
  readonly size: number
  /** channels of the images: 3 for colour (default), 1 for greyscale, 2 for a and b of Lab */
  readonly channels?: number
  /** seed of the initial weights; default 1 */
  readonly seed?: number
  /**
   * normalisation between convolutions: over the batch (default), or over the channels of each position, so that images are
   * independent of each other. Vision transformers always use layer normalisation
   */
  readonly norm?: 'batch' | 'layer'
}

/** @throws SelfsupError if the images are too small for the network or have no channels */
export function checkInput(name: string, size: number, smallest: number, channels: number): void {
  expected(
    Number.isInteger(size) && size >= smallest,
    `${name}: size must be a whole number of at least ${smallest} pixels; got ${size}`,
  )
  expected(
    Number.isInteger(channels) && channels >= 1,
    `${name}: channels must be a whole number of at least 1; got ${channels}`,
  )
}

/** @throws SelfsupError if there are no layers, or a layer has no units */
export function checkWidths(name: string, widths: readonly number[]): void {
  expected(
    widths.length > 0 && widths.every((width) => Number.isInteger(width) && width >= 1),
    `${name}: widths must be whole numbers of at least 1; got [${widths}]`,
  )
}
