import { expected } from '@selfsup/core'

/** What every backbone is told. */
export interface BackboneOptions {
  /** side of the pictures in pixels */
  readonly size: number
  /** channels of the pictures: 3 for colour (default), 1 for grey, 2 for a and b of Lab */
  readonly channels?: number
  /** of the initial weights; default 1 */
  readonly seed?: number
  /**
   * between convolutions: over the batch (default), or over the channels of each place, so that no picture knows of
   * another; vision transformers have layer normalisation at any rate
   */
  readonly norm?: 'batch' | 'layer'
}

/** @throws SelfsupError when the pictures are smaller than the network can halve, or have no channels */
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

/** @throws SelfsupError when there is no layer, or one without a unit */
export function checkWidths(name: string, widths: readonly number[]): void {
  expected(
    widths.length > 0 && widths.every((width) => Number.isInteger(width) && width >= 1),
    `${name}: widths must be whole numbers of at least 1; got [${widths}]`,
  )
}
