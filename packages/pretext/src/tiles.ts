import { type Boxes, resizedCrop } from '@selfsup/augment'
import { expected, ifAuto } from '@selfsup/core'
import { foldIn, randomUniform } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import { multipleBelow, whole } from './patch-pairs.js'
import { TILES } from './permutations.js'

/** Number of rows and columns of cells. */
const GRID = 3

/** Layout of the nine tiles of an image, each inside its cell, in pixels. */
export interface TileLayout {
  /** side of the square that is divided into cells */
  readonly square: number
  /** side of a cell */
  readonly cell: number
  /** side of a tile; the rest of the cell is the gap to the neighbours */
  readonly tile: number
  /** largest shift between the colour channels of a tile */
  readonly colourShift: number
}

/**
 * Computes the layout of tiles. Defaults are the paper's proportions: cells of 75 pixels in a square of 225, tiles of 64,
 * colours shifted by at most 2 (Noroozi & Favaro 2016, arXiv:1603.09246).
 * @param size side of the images
 * @param given.square auto: the largest multiple of three that fits into the image
 * @param given.tile auto: 64/75 of the cell, at least 8, rounded down to a multiple of 4 (of 16 above 64, for vision
 *   transformers)
 * @param given.colourShift auto: 1/32 of the tile, 0 for small tiles
 * @throws SelfsupError if the square is not divisible by three or larger than the image, or tiles leave no gap
 */
export function tileLayout(
  size: number,
  given: Readonly<Record<'square' | 'tile' | 'colourShift', number | 'auto'>>,
): TileLayout {
  const square = ifAuto(given.square, size - (size % GRID))
  expected(
    square <= size,
    `jigsaw: a square of ${square} pixels is larger than the images of ${size}; set square to at most ${size - (size % GRID)}`,
  )
  expected(
    square % GRID === 0,
    `jigsaw: ${square} pixels cannot be divided into ${GRID} rows of cells; set square to ${square - (square % GRID)}`,
  )
  const cell = square / GRID
  const tile = ifAuto(given.tile, multipleBelow((64 * cell) / 75))
  expected(
    tile < cell,
    `jigsaw: tiles of ${tile} pixels leave no gap between them in cells of ${cell} (a third of ${square}); set tile to at most ${cell - 1}, or use a larger square or larger images`,
  )
  const colourShift = ifAuto(given.colourShift, Math.floor(tile / 32))
  expected(
    colourShift <= cell - tile,
    `jigsaw: colours shifted by ${colourShift} pixels would leave the tile's cell, which is ${cell - tile} pixels larger than the tile; set colourShift to at most ${cell - tile}`,
  )
  return { square, cell, tile, colourShift }
}

/**
 * Cuts nine tiles out of each image, each at a random position in its cell, so that gaps between neighbours have random
 * widths: 11 pixels on average in the paper. With a colour shift, each colour channel of a tile has its own position.
 * @param images [batch, square, square, channels]
 * @param seed int32 [2]
 * @returns float32 [9 * batch, tile, tile, channels]: the first tile of every image, then the second, row by row
 */
export function cutTiles(images: tf.Tensor4D, layout: TileLayout, seed: tf.Tensor1D): tf.Tensor4D {
  const { square, cell, tile, colourShift } = layout
  const [batch, , , channels] = images.shape
  const slack = cell - tile
  return tf.tidy(() => {
    const planes = colourShift > 0 ? channels : 1
    // Boxes are sorted by cell, then by image (or by image and colour).
    const starts = (axis: 0 | 1) => {
      const cells = Array.from(
        { length: TILES },
        (_, i) => cell * (axis === 0 ? Math.floor(i / GRID) : i % GRID),
      )
      const place = whole(randomUniform([TILES, batch, 1], foldIn(seed, axis)), slack + 1)
      const shift = tf.sub(
        whole(randomUniform([TILES, batch, planes], foldIn(seed, 2 + axis)), 2 * colourShift + 1),
        colourShift,
      )
      const within = tf.clipByValue(tf.add(place, shift), 0, slack)
      return tf.reshape(tf.add(within, tf.tensor3d(cells, [TILES, 1, 1])), [-1]) as tf.Tensor1D
    }
    const side = tf.fill([TILES * batch * planes], tile) as tf.Tensor1D
    const boxes: Boxes = { top: starts(0), left: starts(1), height: side, width: side }
    const sources = planes === 1 ? images : tf.transpose(images, [0, 3, 1, 2])
    const apart = tf.reshape(sources, [batch * planes, square, square, channels / planes]) as tf.Tensor4D
    const cut = resizedCrop(apart, boxes, tile)
    if (planes === 1) return cut
    const together = tf.transpose(tf.reshape(cut, [TILES * batch, planes, tile, tile]), [0, 2, 3, 1])
    return together as tf.Tensor4D
  })
}

/** Added to variances, so that uniform tiles are not amplified to noise. */
const EPSILON = 1e-4

/**
 * Standardises each image or tile to mean 0 and standard deviation 1 per channel, so that brightness and saturation do not
 * reveal the order of the tiles (Noroozi & Favaro 2016, arXiv:1603.09246).
 * @param images [batch, height, width, channels]
 */
export function standardise(images: tf.Tensor4D): tf.Tensor4D {
  return tf.tidy(() => {
    const { mean, variance } = tf.moments(images, [1, 2], true)
    return tf.mul(tf.sub(images, mean), tf.rsqrt(tf.add(variance, EPSILON)))
  })
}
