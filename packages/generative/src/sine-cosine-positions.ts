import { expected } from '@selfsup/core'

/**
 * Position vectors of a square grid: sines and cosines of the column in the first half, of the row in the second (MAE's
 * code, after Vaswani et al. 2017, arXiv:1706.03762, section 3.5).
 * @param side number of positions along each side
 * @param width length of a vector, a multiple of 4
 * @returns [side * side, width], row by row
 */
export function sineCosinePositions(side: number, width: number): Float32Array {
  expected(
    width % 4 === 0,
    `sineCosinePositions: width must be a multiple of 4, for sines and cosines of both axes; got ${width}`,
  )
  const values = new Float32Array(side * side * width)
  const quarter = width / 4
  for (let place = 0; place < side * side; place++) {
    const [row, column] = [Math.floor(place / side), place % side]
    for (let i = 0; i < quarter; i++) {
      const rate = 1 / 10000 ** (i / quarter)
      const at = place * width + i
      values[at] = Math.sin(column * rate)
      values[at + quarter] = Math.cos(column * rate)
      values[at + 2 * quarter] = Math.sin(row * rate)
      values[at + 3 * quarter] = Math.cos(row * rate)
    }
  }
  return values
}
