import { expected } from '@selfsup/core'

/** What every backbone is told. */
export interface BackboneOptions {
  /** side of the pictures in pixels */
  readonly size: number
  /** 1 for grey pictures; default 3 */
  readonly channels?: 1 | 3
  /** of the initial weights; default 1 */
  readonly seed?: number
}

/** @throws SelfsupError when the pictures are smaller than the network can halve */
export function checkInput(name: string, size: number, smallest: number): void {
  expected(
    Number.isInteger(size) && size >= smallest,
    `${name}: size must be a whole number of at least ${smallest} pixels; got ${size}`,
  )
}
