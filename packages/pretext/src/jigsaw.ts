import { augmentation, grayNormalisation, imagenetNormalisation } from '@selfsup/augment'
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
 * Tiles [9 * batch, tile, tile, channels] as they lie in the image, the first of every image, then the second; in which
 * orders they are put, int32 [puzzles * batch, 9], the first puzzle of every image, then the second; the number of each.
 */
export type JigsawViews = {
  readonly tiles: tf.Tensor4D
  readonly orders: tf.Tensor2D
  readonly labels: tf.Tensor1D
}

/** Stream of the step's seed for the tiles' places, and for their orders. */
const streams = { tiles: 0x711e5, orders: 0x02de2 } as const

/**
 * Jigsaw puzzles by a context-free network (Noroozi & Favaro 2016, arXiv:1603.09246): nine tiles of a image are put in one of
 * a set of orders, and in which is to be told. Trunk and first linear layer see each tile alone, with shared weights;
 * only the last layers see all nine, as they were put. Features are the trunk's, of whole images where it takes them,
 * else the mean of those of tiles.
 *
 * @param backbone the trunk: [batch, tile, tile, channels], normalised tile by tile, to [batch, features]
 * @param given options; defaults are the paper's proportions, with 100 permutations
 * @param context seed of the other networks' weights; `pictures`, by default of the smallest square in whose cells
 *   the backbone's tiles have the paper's proportion
 * @returns what the training loop drives; reports `accuracy`, of which guessing has 1 / permutations
 * @throws SelfsupError when an option is unknown or out of range, the square cannot be divided by three, tiles leave no gap,
 *   or the backbone takes others
 */
export function jigsaw(
  backbone: LayersModel,
  given: JigsawOptions = {},
  { seed = 1, imageShape: pictures, ...context }: MethodContext = {},
): Pretext<JigsawViews> {
  const options = resolveOptions(jigsawDefinition, given)
  const { permutations, puzzles, grayscale, minScale } = options
  const { size: tile, channels, features } = trunkShape('jigsaw', backbone)
  const size = pictures?.size ?? ifAuto(options.square, 3 * Math.ceil((75 * tile) / 64))
  const layout = tileLayout(size, pictures ? options : { ...options, tile: ifAuto(options.tile, tile) })
  expected(
    layout.tile === tile,
    `jigsaw: the backbone takes pictures of ${tile} pixels, and tiles have ${layout.tile}; make the backbone for that size`,
  )
  const { normalisation = channels === 1 ? grayNormalisation : imagenetNormalisation } = context
  const view = {
    size: layout.square,
    scale: [minScale, 1],
    horizontalFlip: channels === 3 ? 0.5 : 0,
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
  /** What stands beside one another where tiles are put in orders: [puzzles * batch, 9 * tileFeatures]. */
  const inOrder = (z: tf.Tensor2D, orders: tf.Tensor2D) => {
    const ofImage = tf.transpose(tf.reshape(tf.relu(z), [TILES, -1, options.tileFeatures]), [1, 0, 2])
    const places = tf.reshape(tf.cast(tf.oneHot(orders, TILES), 'float32'), [puzzles, -1, TILES, TILES])
    // A puzzle is the trunk's features in another order: tiles it sees but once, however many puzzles.
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

/** Orders drawn from a set, each equally likely. */
function drawOrders(
  set: number[][],
  count: number,
  seed: tf.Tensor1D,
): { orders: tf.Tensor2D; labels: tf.Tensor1D } {
  const labels = tf.cast(whole(randomUniform<tf.Rank.R1>([count], seed), set.length), 'int32') as tf.Tensor1D
  return { orders: tf.gather(tf.tensor2d(set, undefined, 'int32'), labels), labels }
}

/** How a program finds jigsaw puzzles by name. */
export const jigsawDefinition: MethodDefinition<typeof options> = {
  name: 'jigsaw',
  summary: 'in which order nine tiles of a picture were put',
  paper: 'Noroozi & Favaro 2016, arXiv:1603.09246',
  options,
  training: () => training,
  backboneInput: ({ size, channels }, options) => ({ size: tileLayout(size, options).tile, channels }),
  create: jigsaw,
}
