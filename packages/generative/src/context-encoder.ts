import { normalisationOf } from '@selfsup/augment'
import { type Method, type MethodContext, type MethodDefinition, resolveOptions } from '@selfsup/core'
import { foldIn } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import type * as tfl from '@tensorflow/tfjs-layers'
import { discriminatorAccuracy, discriminatorLoss, generatorLoss } from './adversarial.js'
import { type ContextEncoderOptions, options, training } from './context-encoder-options.js'
import { encoderDecoder } from './encoder-decoder.js'
import { fillingDiscriminator } from './filling-discriminator.js'
import { centreHole, holeError, holeSide, meanColour, randomHoles } from './holes.js'
import { inputShape, plainView, sideBySide, toPixels } from './pixels.js'

/** Normalised images [batch, size, size, channels], and masks of their holes [batch, size, size, 1]: 1 in a hole, otherwise 0. */
export interface Context extends tf.NamedTensorMap {
  readonly images: tf.Tensor4D
  readonly hole: tf.Tensor4D
}

/** The filling for the discriminator's phase, without a gradient. */
type Filling = { readonly made: tf.Tensor4D } | undefined

export interface ContextEncoder extends Method<Context, Filling> {
  /** Fills the holes in inference mode; returns normalised images. */
  inpaint(context: Context): tf.Tensor4D
}

/**
 * Context encoder: predicts the content of a hole from its surroundings (Pathak et al. 2016, arXiv:1604.07379, section 3).
 * The squared error alone gives blurred fillings; a discriminator of real and predicted content makes them sharper. For a
 * hole in the centre, the decoder predicts and the discriminator sees only the hole (without the additional border of
 * seven pixels in the paper); for random holes, the whole image.
 *
 * @param backbone the encoder: [batch, size, size, channels], normalised, to [batch, features]
 * @param given holes, weights of the losses, decoder; the defaults are the paper's except for the sizes
 * @param context normalisation of the pixels, seed of the other networks' weights
 * @returns the method, with phases `discriminator` and `inpainting` unless `adversarial` is 0; its metrics are `error`, the
 *   mean squared error of pixels in 0..1 in the holes, and `meanError`, the error of filling them with the mean colour of
 *   their surroundings
 * @throws SelfsupError if an option is unknown or out of range, or if no hole or discriminator of this size is possible
 */
export function contextEncoder(
  backbone: tfl.LayersModel,
  given: ContextEncoderOptions = {},
  { seed = 1, ...context }: MethodContext = {},
): ContextEncoder {
  const options = resolveOptions(definition, given)
  const { holes, part, adversarial } = options
  const shape = inputShape('context-encoder', backbone)
  const { size, channels } = shape
  const centre = options.hole === 'centre'
  const side = holeSide('context-encoder', size, part, centre ? 1 : holes)
  const start = Math.floor((size - side) / 2)
  const normalisation = normalisationOf(channels, context.normalisation)
  const view = plainView(shape, options, normalisation)
  const made = { size: centre ? side : size, channels }
  const parts = encoderDecoder(backbone, { ...options, ...made, seed })
  const discriminator =
    adversarial > 0
      ? fillingDiscriminator({ ...made, width: options.discriminatorWidth, seed: seed + 4 })
      : undefined

  /** Features of images whose holes are filled with the mean (0 in normalised images), and the predicted content. */
  const make = ({ images, hole }: Context, training: boolean) => {
    const { features, code } = parts.encode(tf.mul(images, tf.sub(1, hole)), training)
    return { features, made: parts.decode(code, training) }
  }
  const around: [number, number] = [start, size - side - start]
  /** Pads the prediction to the size of the image. */
  const placed = (made: tf.Tensor4D) => (centre ? tf.pad(made, [[0, 0], around, around, [0, 0]]) : made)
  const fill = ({ images, hole }: Context, made: tf.Tensor4D) =>
    tf.add(tf.mul(images, tf.sub(1, hole)), tf.mul(placed(made), hole)) as tf.Tensor4D
  const pixels = (images: tf.Tensor4D) => toPixels(images, normalisation)

  /** Logits of "real" from the discriminator, for the content of the hole or the whole image. */
  const realness = (x: tf.Tensor4D) => discriminator!.apply(x, { training: true }) as tf.Tensor2D
  const ofTruth = ({ images }: Context) =>
    realness(centre ? tf.slice(images, [0, start, start, 0], [-1, side, side, channels]) : images)
  const ofFilling = (views: Context, made: tf.Tensor4D) => realness(centre ? made : fill(views, made))
  return {
    name: 'context-encoder',
    options,
    definition,
    normalisation,
    networks: { backbone, ...parts.networks, ...(discriminator && { discriminator }) },
    state: {},
    ...(discriminator && {
      phases: { discriminator: ['discriminator'], inpainting: ['backbone', 'code', 'decoder'] },
      // The discriminator has a tenth of the learning rate, as in the paper (section 4).
      groups: {
        discriminator: {
          weights: ['discriminator'],
          learningRate: ({ scheduled }) => tf.mul(scheduled, 0.1) as tf.Scalar,
        },
      },
      comparableLoss: false,
    }),
    crops: view.crops,
    views(batch, { seed }) {
      const [images] = view.apply(batch, seed) as [tf.Tensor4D]
      const count = images.shape[0]
      const hole = centre
        ? centreHole(count, size, side)
        : randomHoles(count, size, side, holes, foldIn(seed, 0xc0e))
      return { images, hole }
    },
    targets: (views, { phase }) => (phase === 'discriminator' ? { made: make(views, true).made } : undefined),
    loss(views, _, targets) {
      if (targets) {
        const [real, generated] = [ofTruth(views), ofFilling(views, targets.made)]
        return {
          loss: discriminatorLoss(real, generated),
          metrics: { accuracy: discriminatorAccuracy(real, generated) },
        }
      }
      const { images, hole } = views
      const { features, made } = make(views, true)
      const whole = placed(made)
      const reconstruction = holeError(whole, images, hole)
      const wanted = pixels(images)
      const metrics = {
        error: holeError(pixels(whole), wanted, hole),
        meanError: holeError(meanColour(wanted, hole), wanted, hole),
      }
      if (!discriminator) return { loss: reconstruction, metrics, features }
      const deceived = generatorLoss(ofFilling(views, made))
      const loss = tf.add(tf.mul(reconstruction, 1 - adversarial), tf.mul(deceived, adversarial))
      return { loss: loss as tf.Scalar, metrics, features }
    },
    samples(views) {
      const { images, hole } = views
      const holed = tf.mul(pixels(images), tf.sub(1, hole)) as tf.Tensor4D
      const filled = pixels(fill(views, make(views, false).made))
      return { inpainting: sideBySide(holed, filled, pixels(images)) }
    },
    inpaint: (views) => tf.tidy(() => fill(views, make(views, false).made)),
    ...(options.features === 'code' && {
      encode: (images) => tf.tidy(() => parts.encode(images, false).code),
    }),
    dispose() {
      parts.dispose()
      discriminator?.dispose()
    },
  }
}

/** Definition of the context encoder. */
export const definition: MethodDefinition<typeof options> = {
  name: 'context-encoder',
  summary: 'fills holes in an image from their surroundings',
  paper: 'Pathak et al. 2016, arXiv:1604.07379',
  options,
  training: () => training,
  create: contextEncoder,
}
