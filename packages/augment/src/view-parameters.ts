import type { CropSpec, ImageBatch } from '@selfsup/core'
import { foldIn, randomUniform, type ViewParameters } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import { randomBandJitter } from './band-jitter.js'
import { randomJitter } from './color-jitter.js'
import { type Boxes, randomCropBoxes } from './crop-boxes.js'
import type { ViewOptions } from './view-options.js'

/** A view with its crop. The crop's random stream is also its index among the batch's crops. */
export type Member = ViewOptions & { readonly crop: CropSpec }

// Random stream of each operation.
const streams = {
  mirror: 0,
  upsideDown: 1,
  turn: 2,
  jitter: 3,
  grey: 4,
  blur: 5,
  blurWidth: 6,
  solarise: 7,
  bands: 8,
} as const

/**
 * Draws the parameters of a group of views by each view's options: for all images of the first view, then all of the
 * second, and so on.
 * @param batch whole images, for which crop boxes are drawn, or crops
 * @param seed int32 [2], seed of the step, for the crop boxes; they equal those on the host
 * @param own int32 [2], seed of everything else
 */
export function drawViewParameters(
  { images, crops }: Pick<ImageBatch, 'images' | 'crops'>,
  members: readonly Member[],
  seed: tf.Tensor1D,
  own: tf.Tensor1D,
): ViewParameters {
  const [batch, , , channels] = images?.shape ?? crops![members[0]!.crop.stream]!.shape
  const count = batch * members.length
  const stream = (name: keyof typeof streams) => foldIn(own, streams[name])
  /** A value for each view: [views * batch], or a number if it is the same for all. */
  const each = (of: (member: Member) => number | undefined) =>
    perImage(
      members.map((m) => of(m) ?? 0),
      batch,
    )
  /** [views * batch]: 1 with the probability of each view, otherwise 0; undefined if all probabilities are 0. */
  const chance = (name: keyof typeof streams, of: (member: Member) => number | undefined) => {
    if (members.every((member) => !of(member))) return undefined
    const drawn = randomUniform<tf.Rank.R1>([count], stream(name), { images: batch })
    return tf.cast(tf.less(drawn, each(of)), 'float32') as tf.Tensor1D
  }
  const jittered = channels !== 1 && members.some(({ jitter }) => jitter)
  const drawJitter = () => {
    const strength = {
      brightness: each(({ jitter }) => jitter?.brightness),
      contrast: each(({ jitter }) => jitter?.contrast),
      saturation: each(({ jitter }) => jitter?.saturation),
      hue: each(({ jitter }) => jitter?.hue),
    }
    return randomJitter(
      count,
      strength,
      each(({ jitter }) => jitter?.probability),
      stream('jitter'),
      { images: batch },
    )
  }
  const bandsJittered = channels !== 1 && channels !== 3 && members.some(({ bandJitter }) => bandJitter)
  const drawBandJitter = () => {
    const strength = {
      brightness: each(({ bandJitter }) => bandJitter?.brightness),
      contrast: each(({ bandJitter }) => bandJitter?.contrast),
    }
    const probability = each(({ bandJitter }) => bandJitter?.probability)
    return randomBandJitter([count, channels], strength, probability, stream('bands'), { images: batch })
  }
  const drawQuarters = () => {
    const ways = each(({ quarterTurns }) => (quarterTurns ? 4 : 0))
    const drawn = randomUniform<tf.Rank.R1>([count], stream('turn'), { images: batch })
    return tf.floor(tf.mul(drawn, ways)) as tf.Tensor1D
  }
  const drawSigma = (blurred: tf.Tensor1D) => {
    const [from, to] = [0, 1].map((end) => each(({ blur }) => blur?.sigma[end])) as [Each, Each]
    const uniform = randomUniform([count], stream('blurWidth'), { images: batch })
    const drawn = tf.add(from, tf.mul(uniform, tf.sub(to, from)))
    return tf.mul(drawn, blurred) as tf.Tensor1D
  }
  const blurred = chance('blur', ({ blur }) => blur?.probability)
  return {
    box: images && stackBoxes(members, images, seed),
    mirrored: chance('mirror', ({ horizontalFlip }) => horizontalFlip),
    upsideDown: chance('upsideDown', ({ verticalFlip }) => verticalFlip),
    quarters: members.some(({ quarterTurns }) => quarterTurns) ? drawQuarters() : undefined,
    jitter: jittered ? drawJitter() : undefined,
    bands: bandsJittered ? drawBandJitter() : undefined,
    grey: channels === 3 ? chance('grey', ({ grayscale }) => grayscale) : undefined,
    sigma: blurred && drawSigma(blurred),
    solarised: chance('solarise', ({ solarise }) => solarise?.probability),
  }
}

/** Kernel size of a view's blur and threshold of its solarisation; undefined if the view does not use the operation. */
function settingsOf({ blur, solarise }: ViewOptions): { kernelSize?: number; threshold?: number } {
  return {
    kernelSize: blur && blur.probability > 0 ? blur.kernelSize : undefined,
    threshold: solarise && solarise.probability > 0 ? solarise.threshold : undefined,
  }
}

/**
 * Groups views that can be computed together: those with the same size, blur kernel and solarisation threshold.
 * @returns indices of the views of each group
 */
export function groupViews(views: readonly ViewOptions[]): number[][] {
  const alike = (a?: number, b?: number) => a === undefined || b === undefined || a === b
  const fits = (a: ViewOptions, b: ViewOptions) => {
    const [of, other] = [settingsOf(a), settingsOf(b)]
    return a.size === b.size && alike(of.kernelSize, other.kernelSize) && alike(of.threshold, other.threshold)
  }
  const groups: number[][] = []
  for (const [number, view] of views.entries()) {
    const group = groups.find((members) => members.every((member) => fits(views[member]!, view)))
    if (group) group.push(number)
    else groups.push([number])
  }
  return groups
}

/** Kernel size of the blur and solarisation threshold of a group of views. */
export function sharedSettings(members: readonly ViewOptions[]): { kernelSize: number; threshold: number } {
  const settings = members.map(settingsOf)
  return {
    kernelSize: settings.find(({ kernelSize }) => kernelSize !== undefined)?.kernelSize ?? 0,
    threshold: settings.find(({ threshold }) => threshold !== undefined)?.threshold ?? 0.5,
  }
}

function stackBoxes(members: readonly Member[], images: tf.Tensor4D, seed: tf.Tensor1D): Boxes {
  const [batch, height, width] = images.shape
  const boxes = members.map(({ crop }) => randomCropBoxes(seed, batch, height, width, crop))
  const stack = (side: keyof Boxes) => tf.concat(boxes.map((box) => box[side]))
  return { top: stack('top'), left: stack('left'), height: stack('height'), width: stack('width') }
}

/** A number for all views, or [views * batch]. */
type Each = number | tf.Tensor1D

function perImage(values: readonly number[], batch: number): Each {
  if (values.every((value) => value === values[0])) return values[0]!
  return tf.reshape(tf.tile(tf.tensor2d([...values], [values.length, 1]), [1, batch]), [-1])
}
