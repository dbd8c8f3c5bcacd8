import type { CropSpec, ImageBatch } from '@selfsup/core'
import { foldIn, randomUniform, type ViewParameters } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import { randomJitter } from './color-jitter.js'
import { type Boxes, randomCropBoxes } from './crop-boxes.js'
import type { ViewOptions } from './view-options.js'

/** One view among those of its size. */
export type Member = ViewOptions & { readonly crop: CropSpec; readonly number: number }

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
 * Draws what is to be done to views of one size: for all pictures of the first view, then all of the second.
 * @param batch what the views are made of; a box is drawn where it holds whole pictures
 * @param offset added to the streams, so that views of another size draw other numbers
 */
export function drawViewParameters(
  { images, crops }: Pick<ImageBatch, 'images' | 'crops'>,
  members: readonly Member[],
  seed: tf.Tensor1D,
  offset: number,
): ViewParameters {
  const [batch, , , channels] = (images ?? crops![0]!).shape
  const count = batch * members.length
  const stream = (name: keyof typeof streams) => foldIn(seed, streams[name] + offset)
  /** [views * batch]: 1 with the probability that each view has; absent where none has any. */
  const chance = (name: keyof typeof streams, of: (member: Member) => number | undefined) => {
    const probabilities = members.map((member) => of(member) ?? 0)
    if (probabilities.every((probability) => probability === 0)) return undefined
    const drawn = randomUniform<tf.Rank.R1>([count], stream(name))
    return tf.cast(tf.less(drawn, perImage(probabilities, batch)), 'float32') as tf.Tensor1D
  }
  const strength = channels === 3 ? members.find(({ jitter }) => jitter)?.jitter : undefined
  const jittered = () =>
    perImage(
      members.map(({ jitter }) => jitter?.probability ?? 0),
      batch,
    )
  const blurred = chance('blur', ({ blur }) => blur?.probability)
  return {
    box: images && stackBoxes(members, images, seed),
    mirrored: chance('mirror', ({ horizontalFlip }) => horizontalFlip),
    upsideDown: chance('upsideDown', ({ verticalFlip }) => verticalFlip),
    quarters: members.some(({ quarterTurns }) => quarterTurns)
      ? drawQuarters(members, batch, stream('turn'))
      : undefined,
    jitter: strength && randomJitter(count, strength, jittered(), stream('jitter')),
    grey: channels === 3 ? chance('grey', ({ grayscale }) => grayscale) : undefined,
    sigma: blurred && drawSigma(members, blurred, stream('blurWidth')),
    solarised: chance('solarise', ({ solarise }) => solarise?.probability),
  }
}

/** The blur and the threshold of views of one size: those of the first that has any. */
export function sharedSettings(members: readonly Member[]): { kernelSize: number; threshold: number } {
  const blur = members.find((member) => member.blur && member.blur.probability > 0)?.blur
  const solarise = members.find((member) => member.solarise && member.solarise.probability > 0)?.solarise
  return { kernelSize: blur?.kernelSize ?? 0, threshold: solarise?.threshold ?? 0.5 }
}

function drawQuarters(members: readonly Member[], batch: number, seed: tf.Tensor1D): tf.Tensor1D {
  const turning = perImage(
    members.map(({ quarterTurns }) => (quarterTurns ? 4 : 0)),
    batch,
  )
  return tf.floor(tf.mul(randomUniform<tf.Rank.R1>(turning.shape, seed), turning)) as tf.Tensor1D
}

function drawSigma(members: readonly Member[], blurred: tf.Tensor1D, seed: tf.Tensor1D): tf.Tensor1D {
  const [min, max] = members.find(({ blur }) => blur && blur.probability > 0)!.blur!.sigma
  return tf.mul(randomUniform<tf.Rank.R1>(blurred.shape, seed, { min, max }), blurred)
}

function stackBoxes(members: readonly Member[], images: tf.Tensor4D, seed: tf.Tensor1D): Boxes {
  const [batch, height, width] = images.shape
  const boxes = members.map(({ crop }) => randomCropBoxes(seed, batch, height, width, crop))
  const stack = (side: keyof Boxes) => tf.concat(boxes.map((box) => box[side]))
  return { top: stack('top'), left: stack('left'), height: stack('height'), width: stack('width') }
}

/** A value per view to one per picture: [views * batch]. */
function perImage(values: readonly number[], batch: number): tf.Tensor1D {
  return tf.reshape(tf.tile(tf.tensor2d([...values], [values.length, 1]), [1, batch]), [-1])
}
