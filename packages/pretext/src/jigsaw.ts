import { augmentation, normalisationOf } from '@selfsup/augment'
import { projector } from '@selfsup/backbones'
import { expected, ifAuto, type MethodContext, type MethodDefinition, resolveOptions } from '@selfsup/core'
import { foldIn, randomUniform } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { classification, type Pretext } from './classification.js'
import { type JigsawOptions, options, training } from './jigsaw-options.js'
import { whole } from './patch-pairs.js'
import { permutationSet, TILES } from './permutations.js'
import { cutTiles, standardise, tileLayout } from './tiles.js'
import { atRest, inTraining, ofWholeImages, trunkShape } from './trunk.js'

/**
 * Tiles [9 * batch, tile, tile, channels] in image order: the first tile of every image, then the second, and so on.
 * Orders int32 [puzzles * batch, 9]: the first puzzle of every image, then the second. Labels are the indices of the orders
 * in the permutation set.
 */
export type JigsawViews = {
  readonly tiles: tf.Tensor4D
  readonly orders: tf.Tensor2D
  readonly labels: tf.Tensor1D
}

/** Random streams for the positions of the tiles, and for their orders. */
const streams = { tiles: 0x711e5, orders: 0x02de2 } as const

/**
 * Jigsaw puzzles with a context-free network (Noroozi & Favaro 2016, arXiv:1603.09246): nine tiles of an image are permuted
 * by one of a set of permutations, and the network predicts which. The backbone and the first linear layer process each tile
 * separately, with shared weights; only the head sees all nine, in permuted order. Features are the backbone's output for
 * the whole image if it accepts that size, otherwise the mean over tiles.
 *
 * @param backbone the encoder of tiles: [batch, tile, tile, channels], each tile standardised, to [batch, features]
 * @param given options; defaults are the paper's proportions, with 100 permutations
 * @param context seed of the other networks' weights; `imageShape`, by default the smallest square in whose
 *   cells the backbone's tiles have the paper's proportion
 * @returns the method; its metric is `accuracy` (chance: 1 / permutations)
 * @throws SelfsupError if an option is unknown or out of range, the square is not divisible by three, tiles leave no gap,
 *   or the backbone takes tiles of a different size
 */
export function jigsaw(
  backbone: LayersModel,
  given: JigsawOptions = {},
  { seed = 1, imageShape, ...context }: MethodContext = {},
): Pretext<JigsawViews> {
  const options = resolveOptions(jigsawDefinition, given)
  const { permutations, puzzles, grayscale, minScale } = options
  const { size: tile, channels, features } = trunkShape('jigsaw', backbone)
  const size = imageShape?.size ?? ifAuto(options.square, 3 * Math.ceil((75 * tile) / 64))
  const layout = tileLayout(size, imageShape ? options : { ...options, tile: ifAuto(options.tile, tile) })
  expected(
    layout.tile === tile,
    `jigsaw: the backbone takes images of ${tile} pixels, but tiles have ${layout.tile}; create the backbone for ${layout.tile} pixels`,
  )
  const normalisation = normalisationOf(channels, context.normalisation)
  const view = {
    size: layout.square,
    scale: [minScale, 1],
    horizontalFlip: channels === 1 ? 0 : 0.5,
    grayscale,
  } as const
  const { crops, apply } = augmentation([view], normalisation)
  const set = permutationSet(permutations).map((order) => [...order])
  const encode = ofWholeImages(backbone, size)
  const tiles = projector({
    inputs: features,
    hidden: 0,
    outputs: options.tileFeatures,
    layers: 1,
    outputBatchNorm: true,
    seed: seed + 1,
  })
  const head = projector({
    inputs: TILES * options.tileFeatures,
    hidden: options.hidden,
    outputs: permutations,
    seed: seed + 2,
  })
  /** Concatenates the features of the tiles in permuted order: [puzzles * batch, 9 * tileFeatures]. */
  const inOrder = (z: tf.Tensor2D, orders: tf.Tensor2D) => {
    const ofImage = tf.transpose(tf.reshape(tf.relu(z), [TILES, -1, options.tileFeatures]), [1, 0, 2])
    const places = tf.reshape(tf.cast(tf.oneHot(orders, TILES), 'float32'), [puzzles, -1, TILES, TILES])
    // All puzzles of an image permute the same features: the backbone encodes each tile once.
    const put = tf.unstack(places).map((place) => tf.matMul(place, ofImage))
    return tf.reshape(tf.concat(put), [-1, TILES * options.tileFeatures]) as tf.Tensor2D
  }
  return {
    name: 'jigsaw',
    options,
    definition: jigsawDefinition,
    answers: permutations,
    networks: { backbone, tiles, head },
    state: {},
    normalisation,
    imageShape: { size, channels },
    crops,
    views: (batch, { seed }) =>
      tf.tidy(() => {
        const images = apply(batch, seed)[0]!
        const cut = cutTiles(images, layout, foldIn(seed, streams.tiles))
        return {
          tiles: standardise(cut),
          ...drawOrders(set, puzzles * images.shape[0], foldIn(seed, streams.orders)),
        }
      }),
    loss(views) {
      const h = inTraining(backbone, views.tiles)
      const logits = inTraining(head, inOrder(inTraining(tiles, h), views.orders))
      const { loss, accuracy } = classification(logits, views.labels)
      return { loss, metrics: { accuracy }, features: h }
    },
    solve: (views) =>
      tf.tidy(() => atRest(head, inOrder(atRest(tiles, atRest(backbone, views.tiles)), views.orders))),
    encode: (images) => tf.tidy(() => encode(standardise(images))),
    dispose() {
      tiles.dispose()
      head.dispose()
    },
  }
}

/** Draws orders uniformly from a set. */
function drawOrders(
  set: number[][],
  count: number,
  seed: tf.Tensor1D,
): { orders: tf.Tensor2D; labels: tf.Tensor1D } {
  const labels = tf.cast(whole(randomUniform<tf.Rank.R1>([count], seed), set.length), 'int32') as tf.Tensor1D
  return { orders: tf.gather(tf.tensor2d(set, undefined, 'int32'), labels), labels }
}

/** Definition of jigsaw puzzles. */
export const jigsawDefinition: MethodDefinition<typeof options> = {
  name: 'jigsaw',
  summary: 'predicts how nine tiles of an image were permuted',
  paper: 'Noroozi & Favaro 2016, arXiv:1603.09246',
  options,
  training: () => training,
  backboneInput: ({ size, channels }, options) => ({ size: tileLayout(size, options).tile, channels }),
  create: jigsaw,
}
