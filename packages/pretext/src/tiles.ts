import { type Boxes, resizedCrop } from '@selfsup/augment'
import { expected, ifAuto } from '@selfsup/core'
import { foldIn, randomUniform } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import { multipleBelow, whole } from './patch-pairs.js'
import { TILES } from './permutations.js'

/** Cells in a row, and rows of them. */
const GRID = 3

/** A image's nine tiles, each somewhere in a cell of its own; all in pixels. */
export interface TileLayout {
  /** side of the square that is divided into cells */
  readonly square: number
  /** side of a cell */
  readonly cell: number
  /** side of a tile; what the cell has beyond it is the gap to the neighbours' */
  readonly tile: number
  /** by which the colours of a tile are shifted against one another at most */
  readonly colourShift: number
}

/**
 * The layout of tiles, of the paper's proportions where nothing else is asked for: cells of 75 pixels in a square of 225,
 * tiles of 64, colours shifted by 2 at most (Noroozi & Favaro 2016, arXiv:1603.09246).
 * @param size side of the images
 * @param given.square auto: the largest multiple of three within the image
 * @param given.tile auto: in proportion to the cell, a multiple of 4 (above 64 of 16, as vision transformers have it), 8 at
 *   least
 * @param given.colourShift auto: in proportion to the tile, none on small ones
 * @throws SelfsupError when the square is not divisible by three or larger than the image, or tiles leave no gap
 */
export function tileLayout(
  size: number,
  given: Readonly<Record<'square' | 'tile' | 'colourShift', number | 'auto'>>,
): TileLayout {
  const square = ifAuto(given.square, size - (size % GRID))
  expected(
    square <= size,
    `jigsaw: a square of ${square} pixels is larger than the pictures of ${size}; set square to at most ${size - (size % GRID)}`,
  )
  expected(
    square % GRID === 0,
    `jigsaw: ${square} pixels cannot be divided into ${GRID} rows of cells; set square to ${square - (square % GRID)}`,
  )
  const cell = square / GRID
  const tile = ifAuto(given.tile, multipleBelow((64 * cell) / 75))
  expected(
    tile < cell,
    `jigsaw: tiles of ${tile} pixels leave no gap between them in cells of ${cell} (a third of ${square}); set tile to at most ${cell - 1}, or take larger pictures`,
  )
  const colourShift = ifAuto(given.colourShift, Math.floor(tile / 32))
  expected(
    colourShift <= cell - tile,
    `jigsaw: colours shifted by ${colourShift} pixels would lie outside of the tile's cell, which has ${cell - tile} more than the tile; set colourShift to at most ${cell - tile}`,
  )
  return { square, cell, tile, colourShift }
}

/**
 * Cuts nine tiles out of each image, each at a random place of its cell, so that between neighbours lie gaps of random
 * width: 11 pixels on average in the paper. Where colours are shifted, each colour of a tile has a place of its own.
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
    // Boxes go cell by cell, and within a cell as the images (or their colours) do.
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

/** Added to variances, so that flat tiles do not become noise. */
const EPSILON = 1e-4

/**
 * Each image or tile with mean 0 and deviation 1 in each colour, so that tiles cannot be put in order by how bright and
 * how colourful they are (Noroozi & Favaro 2016, arXiv:1603.09246).
 * @param images [batch, height, width, channels]
 */
export function standardise(images: tf.Tensor4D): tf.Tensor4D {
  return tf.tidy(() => {
    const { mean, variance } = tf.moments(images, [1, 2], true)
    return tf.mul(tf.sub(images, mean), tf.rsqrt(tf.add(variance, EPSILON)))
  })
}
