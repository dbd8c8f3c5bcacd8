import { normalisationOf } from '@selfsup/augment'
import { vitParts } from '@selfsup/backbones'
import {
  expected,
  ifAuto,
  type Method,
  type MethodContext,
  type MethodDefinition,
  normals,
  resolveOptions,
} from '@selfsup/core'
import { foldIn } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import type * as tfl from '@tensorflow/tfjs-layers'
import { type MaskedAutoencoderOptions, options, training } from './masked-autoencoder-options.js'
import { classToken, decoderNetwork, linear, meanOfPatches, setPositions } from './masked-networks.js'
import {
  type Masking,
  maskPatches,
  normalisePatches,
  patchify,
  patchStatistics,
  unpatchify,
} from './patches.js'
import { inputShape, plainView, sideBySide, toPixels } from './pixels.js'
import { sineCosinePositions } from './sine-cosine-positions.js'

/** Normalised images, [batch, size, size, channels], and which of their patches are visible. */
export interface MaskedImages extends Masking {
  readonly images: tf.Tensor4D
}

/**
 * MAE, masked autoencoder: most patches of an image are masked, a vision transformer encodes the visible ones, and a light
 * decoder reconstructs the masked ones (He et al. 2022, arXiv:2111.06377). Masked patches do not enter the encoder,
 * which therefore processes only a quarter of the patches.
 *
 * @param backbone a vision transformer such as `vitTiny`; its position vectors are initialised with sines and cosines, as
 *   in the paper (which keeps them fixed; here they are trained)
 * @param given masking and decoder; the defaults are the paper's except for a decoder in proportion to smaller encoders
 * @param context normalisation of the pixels, seed of the decoder's weights
 * @returns the method
 * @throws SelfsupError if an option is unknown or out of range, the backbone is not a vision transformer, or no patch would
 *   be masked or visible
 */
export function maskedAutoencoder(
  backbone: tfl.LayersModel,
  given: MaskedAutoencoderOptions = {},
  { seed = 1, ...context }: MethodContext = {},
): Method<MaskedImages> {
  const options = resolveOptions(definition, given)
  expected(
    backbone.layers.some(({ name }) => name === 'class-token'),
    `mae: the backbone must be a vision transformer, such as vit-tiny; got ${backbone.name}`,
  )
  const vit = vitParts(backbone)
  const shape = inputShape('mae', backbone)
  const { patches, patchSize } = vit
  const visible = Math.round((1 - options.masked) * patches)
  expected(
    visible >= 1 && visible < patches,
    `mae: of ${patches} patches at least one must be visible and one masked; with masked=${options.masked}, ${visible} are visible`,
  )
  const width = ifAuto(options.decoderWidth, Math.max(32, 32 * Math.round(vit.width / 64)))
  expected(
    width % 32 === 0,
    `mae's option decoderWidth must be a multiple of 32; got ${options.decoderWidth}`,
  )
  const normalisation = normalisationOf(shape.channels, context.normalisation)
  const view = plainView(shape, options, normalisation)
  const side = Math.sqrt(patches)
  setPositions(backbone, side, vit.width)
  const positions = sineCosinePositions(side, width)
  const values = patchSize ** 2 * shape.channels
  const embedding = linear('embedding', [visible + 1, vit.width], width, seed + 1)
  const decoder = decoderNetwork(patches, width, options.decoderDepth, values, seed + 2)
  const maskToken = tf.tidy(() =>
    tf.variable(tf.tensor1d(normals([seed, 0x3a5c], width).map((value) => 0.02 * value)), true),
  )

  /** Class token and tokens of the visible patches: [batch, 1 + visible, width of the encoder]. */
  const encodeVisible = ({ images, visible }: MaskedImages) => {
    const seen = tf.matMul(visible, vit.embed(images)) as tf.Tensor3D
    return vit.encode(tf.concat([vit.classToken(images.shape[0]), seen], 1))
  }
  /** Predicts the values of all patches, [batch, patches, values], from the tokens of the visible ones. */
  const decode = (tokens: tf.Tensor3D, { visible, hidden }: Masking, training: boolean) => {
    const narrow = embedding.apply(tokens, { training }) as tf.Tensor3D
    const [first, seen] = tf.split(narrow, [1, narrow.shape[1] - 1], 1) as [tf.Tensor3D, tf.Tensor3D]
    const placed = tf.matMul(visible, seen, true, false)
    const filled = tf.add(placed, tf.mul(tf.expandDims(hidden, 2), maskToken))
    const located = tf.add(filled, tf.tensor3d(positions, [1, patches, width]))
    const made = decoder.apply(tf.concat([first, located], 1), { training }) as tf.Tensor3D
    return tf.slice(made, [0, 1, 0], [-1, patches, values]) as tf.Tensor3D
  }
  return {
    name: 'mae',
    options,
    definition,
    normalisation,
    networks: { backbone, embedding, decoder },
    parameters: { maskToken },
    state: {},
    crops: view.crops,
    views(batch, { seed }) {
      const [images] = view.apply(batch, seed) as [tf.Tensor4D]
      return { images, ...maskPatches(images.shape[0], patches, visible, foldIn(seed, 0x3a5c)) }
    },
    loss(views) {
      const tokens = encodeVisible(views)
      const made = decode(tokens, views, true)
      const cut = patchify(views.images, patchSize)
      const target = options.normalisedPatches ? normalisePatches(cut) : cut
      return {
        loss: maskedError(made, target, views.hidden),
        features: options.features === 'mean' ? meanOfPatches(tokens) : classToken(tokens),
      }
    },
    samples(views) {
      const { images, hidden } = views
      const cut = patchify(images, patchSize)
      const { mean, deviation } = patchStatistics(cut)
      const made = decode(encodeVisible(views), views, false)
      // Normalised targets have no mean and deviation, so the samples use the true ones.
      const pixels = options.normalisedPatches ? (tf.add(tf.mul(made, deviation), mean) as tf.Tensor3D) : made
      const gaps = tf.expandDims(hidden, 2)
      const sheet = (rows: tf.Tensor) => toPixels(unpatchify(rows as tf.Tensor3D, patchSize), normalisation)
      const seen = tf.mul(cut, tf.sub(1, gaps))
      return {
        inpainting: sideBySide(
          sheet(seen),
          sheet(tf.add(seen, tf.mul(pixels, gaps))),
          toPixels(images, normalisation),
        ),
      }
    },
    encode: (images) =>
      tf.tidy(() => {
        if (options.features === 'class-token')
          return backbone.apply(images, { training: false }) as tf.Tensor2D
        const tokens = tf.concat([vit.classToken(images.shape[0]), vit.embed(images)], 1) as tf.Tensor3D
        return meanOfPatches(vit.encode(tokens))
      }),
    dispose() {
      embedding.dispose()
      decoder.dispose()
      maskToken.dispose()
    },
  }
}

/**
 * Squared error, mean over the values of a patch and then over the masked patches; visible patches are ignored.
 * @param made, target [batch, patches, values]
 * @param hidden [batch, patches], 1 for masked patches
 */
export function maskedError(made: tf.Tensor3D, target: tf.Tensor3D, hidden: tf.Tensor2D): tf.Scalar {
  return tf.tidy(() => {
    const errors = tf.mean(tf.squaredDifference(made, target), 2)
    return tf.div(tf.sum(tf.mul(errors, hidden)), tf.sum(hidden)) as tf.Scalar
  })
}

/** Definition of the masked autoencoder. */
export const definition: MethodDefinition<typeof options> = {
  name: 'mae',
  summary: 'reconstructs masked patches from a quarter of the patches (MAE)',
  paper: 'He et al. 2022, arXiv:2111.06377',
  options,
  backbone: 'vit-tiny',
  training: () => training,
  create: maskedAutoencoder,
}
