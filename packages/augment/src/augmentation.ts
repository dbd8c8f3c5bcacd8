import { type CropSpec, expected, type ImageBatch, type Normalisation } from '@selfsup/core'
import { foldIn, randomUniform } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import { colorJitter, type JitterStrength, randomJitter } from './color-jitter.js'
import { type Boxes, randomCropBoxes } from './crop-boxes.js'
import { gaussianBlur } from './gaussian-blur.js'
import { grayscaleWhere } from './grayscale.js'
import { resizedCrop } from './resized-crop.js'
import { rotateQuarters } from './right-angles.js'
import { solariseWhere } from './solarise.js'

/** What happens to a picture to make a view of it, in this order; what is absent is left out. */
export interface ViewOptions {
  /** side of the view in pixels */
  readonly size: number
  /** part of the picture's area that the crop takes, smallest and largest */
  readonly scale: readonly [number, number]
  /** ratio of the crop's width to its height; 3/4 to 4/3 as in torchvision */
  readonly ratio?: readonly [number, number]
  /** probability of mirroring left and right */
  readonly horizontalFlip?: number
  /** probability of mirroring top and bottom */
  readonly verticalFlip?: number
  /** turn by a multiple of 90 degrees, each equally likely */
  readonly quarterTurns?: boolean
  readonly jitter?: JitterStrength & { readonly probability: number }
  /** probability of turning grey */
  readonly grayscale?: number
  readonly blur?: {
    readonly probability: number
    readonly sigma: readonly [number, number]
    readonly kernelSize: number
  }
  readonly solarise?: { readonly probability: number; readonly threshold: number }
}

/** Makes views of pictures: random, but the same for the same seed. */
export interface Augmentation {
  /** the random crop of each view, for pictures that are cropped while they are decoded */
  readonly crops: readonly CropSpec[]
  readonly views: readonly ViewOptions[]
  readonly normalisation: Normalisation
  /**
   * @param batch pictures of one size, or their crops, 0..255
   * @param seed int32 [2], the step's
   * @returns one tensor per view, float32 [batch, size, size, channels], normalised
   */
  apply(batch: Pick<ImageBatch, 'images' | 'crops'>, seed: tf.Tensor1D): tf.Tensor4D[]
}

/** Mean and standard deviation of ImageNet's pixels, what torchvision and lightly normalise with. */
export const imagenetNormalisation: Normalisation = {
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
}

/** Normalisation of grey pictures: the mean of ImageNet's channels. */
export const grayNormalisation: Normalisation = { mean: [0.449], std: [0.226] }

// Which of the seed's streams belongs to what; a view's crop has the stream of its number.
const streams = {
  mirror: 100,
  upsideDown: 101,
  turn: 102,
  jitter: 103,
  grey: 104,
  blur: 105,
  blurWidth: 106,
  solarise: 107,
}

/**
 * An augmentation from what each view is to be. Views of one size go through every operation together, as one
 * batch, with probabilities of their own.
 * @param normalisation what the backbone expects
 * @throws SelfsupError when there is no view
 */
export function augmentation(
  views: readonly ViewOptions[],
  normalisation: Normalisation = imagenetNormalisation,
): Augmentation {
  expected(views.length > 0, 'augmentation: at least one view is needed')
  const crops = views.map(({ size, scale, ratio = [3 / 4, 4 / 3] }, stream) => ({
    size,
    scale,
    ratio,
    stream,
  }))
  const groups = [...new Set(views.map(({ size }) => size))].map((size) =>
    [...views.keys()].filter((view) => views[view]!.size === size),
  )
  return {
    crops,
    views,
    normalisation,
    apply: (batch, seed) =>
      tf.tidy(() => {
        const made: tf.Tensor4D[] = []
        for (const [number, members] of groups.entries()) {
          const stacked = augmentGroup(
            batch,
            members.map((view) => ({ ...views[view]!, crop: crops[view]!, number: view })),
            seed,
            1000 * number,
            normalisation,
          )
          for (const [position, part] of tf.split(stacked, members.length, 0).entries()) {
            made[members[position]!] = part as tf.Tensor4D
          }
        }
        return made
      }),
  }
}

type Member = ViewOptions & { readonly crop: CropSpec; readonly number: number }

/** All views of one size, stacked: [views * batch, size, size, channels]. */
function augmentGroup(
  { images, crops }: Pick<ImageBatch, 'images' | 'crops'>,
  members: readonly Member[],
  seed: tf.Tensor1D,
  offset: number,
  normalisation: Normalisation,
): tf.Tensor4D {
  const batch = (images ?? crops?.[0])?.shape[0]
  expected(batch !== undefined, 'augmentation: the batch holds neither images nor crops')
  const count = batch * members.length
  const stream = (name: keyof typeof streams) => foldIn(seed, streams[name] + offset)
  /** [views * batch], 1 with the probability that each view has. */
  const chance = (name: keyof typeof streams, of: (member: Member) => number) => {
    const threshold = perImage(members.map(of), batch)
    return tf.cast(
      tf.less(randomUniform<tf.Rank.R1>([count], stream(name)), threshold),
      'float32',
    ) as tf.Tensor1D
  }
  const wanted = (of: (member: Member) => number) => members.some((member) => of(member) > 0)

  const horizontal = wanted((m) => m.horizontalFlip ?? 0)
    ? chance('mirror', (m) => m.horizontalFlip ?? 0)
    : undefined
  const vertical = wanted((m) => m.verticalFlip ?? 0)
    ? chance('upsideDown', (m) => m.verticalFlip ?? 0)
    : undefined
  let x = images
    ? resizedCrop(images, stackBoxes(members, images, seed), members[0]!.size, { horizontal, vertical })
    : mirrored(
        tf.cast(
          tf.concat(
            members.map(({ number }) => crops![number]!),
            0,
          ),
          'float32',
        ),
        horizontal,
        vertical,
      )
  const channels = x.shape[3]
  expected(
    channels === normalisation.mean.length,
    `augmentation: the pictures have ${channels} channels, the normalisation ${normalisation.mean.length}`,
  )
  x = tf.mul(x, 1 / 255)
  if (members.some((m) => m.quarterTurns)) {
    const turning = perImage(
      members.map((m) => (m.quarterTurns ? 4 : 0)),
      batch,
    )
    const turns = tf.floor(tf.mul(randomUniform<tf.Rank.R1>([count], stream('turn')), turning)) as tf.Tensor1D
    x = rotateQuarters(x, tf.cast(turns, 'int32'))
  }
  const jitter = members.find((m) => m.jitter)?.jitter
  if (jitter && channels === 3) {
    const probability = perImage(
      members.map((m) => m.jitter?.probability ?? 0),
      batch,
    )
    x = colorJitter(x, randomJitter(count, jitter, probability, stream('jitter')))
  }
  if (channels === 3 && wanted((m) => m.grayscale ?? 0))
    x = grayscaleWhere(
      x,
      chance('grey', (m) => m.grayscale ?? 0),
    )
  const blur = members.find((m) => m.blur && m.blur.probability > 0)?.blur
  if (blur) {
    const [min, max] = blur.sigma
    const sigma = randomUniform<tf.Rank.R1>([count], stream('blurWidth'), { min, max })
    x = gaussianBlur(
      x,
      tf.mul(
        sigma,
        chance('blur', (m) => m.blur?.probability ?? 0),
      ),
      blur.kernelSize,
    )
  }
  const solarise = members.find((m) => m.solarise && m.solarise.probability > 0)?.solarise
  if (solarise)
    x = solariseWhere(
      x,
      chance('solarise', (m) => m.solarise?.probability ?? 0),
      solarise.threshold,
    )
  return normalise(x, normalisation)
}

/**
 * Subtracts the mean and divides by the standard deviation of each channel.
 * @param images [batch, height, width, channels], 0..1
 */
export function normalise(images: tf.Tensor4D, { mean, std }: Normalisation): tf.Tensor4D {
  return tf.tidy(() => tf.mul(tf.sub(images, tf.tensor1d([...mean])), tf.tensor1d(std.map((s) => 1 / s))))
}

function stackBoxes(members: readonly Member[], images: tf.Tensor4D, seed: tf.Tensor1D): Boxes {
  const [batch, height, width] = images.shape
  const boxes = members.map(({ crop }) => randomCropBoxes(seed, batch, height, width, crop))
  const stack = (side: keyof Boxes) => tf.concat(boxes.map((box) => box[side]))
  return { top: stack('top'), left: stack('left'), height: stack('height'), width: stack('width') }
}

/** Crops made while decoding are mirrored here. */
function mirrored(x: tf.Tensor4D, horizontal?: tf.Tensor1D, vertical?: tf.Tensor1D): tf.Tensor4D {
  const where = (mask: tf.Tensor1D, axis: number, images: tf.Tensor4D) =>
    tf.where(
      tf.reshape(tf.cast(mask, 'bool'), [-1, 1, 1, 1]),
      tf.reverse(images, axis),
      images,
    ) as tf.Tensor4D
  const once = horizontal ? where(horizontal, 2, x) : x
  return vertical ? where(vertical, 1, once) : once
}

/** A value per view to one per picture: [views * batch]. */
function perImage(values: readonly number[], batch: number): tf.Tensor1D {
  return tf.reshape(tf.tile(tf.tensor2d([...values], [values.length, 1]), [1, batch]), [-1])
}
