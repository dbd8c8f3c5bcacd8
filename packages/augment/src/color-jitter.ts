import { foldIn, randomOrders, randomUniform } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import { grayscale } from './grayscale.js'
import { shiftHue } from './hue.js'

/** Range of each property: factors are drawn from [1 - x, 1 + x], at least 0; hue shifts from [-x, x] turns. */
export interface JitterStrength {
  readonly brightness: number
  readonly contrast: number
  readonly saturation: number
  /** at most 0.5 */
  readonly hue: number
}

/** Parameters of a colour jitter, one row per image. */
export interface JitterParameters {
  /** [batch] each */
  readonly brightness: tf.Tensor1D
  readonly contrast: tf.Tensor1D
  readonly saturation: tf.Tensor1D
  /** hue shift in turns of the colour circle */
  readonly hue: tf.Tensor1D
  /** int32 [batch, 4]: position of brightness, contrast, saturation and hue in the sequence, 0 to 3 */
  readonly places: tf.Tensor2D
}

const HUE = 3

/**
 * Changes brightness, contrast, saturation and hue in a different order for each image, and clamps to 0..1 after each
 * operation, as torchvision's ColorJitter (blending as in PIL's ImageEnhance).
 *
 * Brightness, contrast and saturation are blends with black, with the image's mean grey and with each pixel's grey. A slot
 * applies a different blend to each image. Hue is the most expensive operation and is computed once, between three slots
 * before and three after it, half of which have no effect. Images whose channels are not red, green and blue have neither saturation nor hue: only brightness
 * and contrast change.
 * @param images [batch, height, width, channels], 0..1
 * @returns of the same shape, 0..1
 */
export function colorJitter(images: tf.Tensor4D, parameters: JitterParameters): tf.Tensor4D {
  const { places, hue } = parameters
  return tf.tidy(() => {
    const [batch, , , channels] = images.shape
    const isColour = channels === 3
    const { brightness, contrast } = parameters
    const ratios = tf.stack(
      [brightness, contrast, isColour ? parameters.saturation : tf.onesLike(contrast)],
      1,
    ) as tf.Tensor2D
    const blendPlaces = tf.slice(places, [0, 0], [batch, HUE])
    const huePlace = tf.slice(places, [0, HUE], [batch, 1])
    let x = images
    for (let slot = 0; slot < 3; slot++)
      x = blend(x, ratios, here(blendPlaces, slot, tf.greater(huePlace, slot)))
    if (isColour) x = shiftHue(x, hue)
    for (let slot = 1; slot < 4; slot++)
      x = blend(x, ratios, here(blendPlaces, slot, tf.less(huePlace, slot)))
    return x
  })
}

/** [batch, 3]: 1 for the blend at this slot, if the slot is on the given side of hue. */
function here(places: tf.Tensor, slot: number, side: tf.Tensor): tf.Tensor2D {
  return tf.cast(tf.logicalAnd(tf.equal(places, tf.scalar(slot, 'int32')), side), 'float32') as tf.Tensor2D
}

/** clamp(ratio * x + (1 - ratio) * other), with the ratio and the other image of each image's blend in this slot. */
function blend(x: tf.Tensor4D, ratios: tf.Tensor2D, active: tf.Tensor2D): tf.Tensor4D {
  const [batch] = x.shape
  const per = (column: tf.Tensor) => tf.reshape(column, [batch, 1, 1, 1])
  // Blends that are not in this slot have ratio 1 and no effect.
  const rest = tf.mul(active, tf.sub(1, ratios))
  const [, ofMean, ofGrey] = tf.split(rest, 3, 1)
  const kept = per(tf.sub(1, tf.sum(rest, 1)))
  const grey = grayscale(x)
  const added = tf.add(tf.mul(grey, per(ofGrey!)), tf.mul(tf.mean(grey, [1, 2, 3], true), per(ofMean!)))
  return tf.clipByValue(tf.add(tf.mul(x, kept), added), 0, 1) as tf.Tensor4D
}

/**
 * Draws parameters as torchvision does: uniform factors, all 24 orders equally likely.
 * @param strength strengths for all images, or [batch] for each
 * @param probability probability of jittering an image, a number or [batch]
 * @param seed int32 [2]; streams are folded in
 * @param options.images number of images in the batch, of which there may be several copies
 */
export function randomJitter(
  batch: number,
  strength: Readonly<Record<keyof JitterStrength, number | tf.Tensor1D>>,
  probability: number | tf.Tensor1D,
  seed: tf.Tensor1D,
  options: { readonly images?: number } = {},
): JitterParameters {
  return tf.tidy(() => {
    const draw = (stream: number) => randomUniform<tf.Rank.R1>([batch], foldIn(seed, stream), options)
    const applied = tf.cast(tf.less(draw(0), probability), 'float32')
    /** Uniform in `middle` +- strength, at least `lowest`; `middle` if the jitter is not applied. */
    const around = (middle: number, lowest: number, strength: number | tf.Tensor1D, stream: number) => {
      const from = tf.maximum(tf.sub(middle, strength), lowest)
      const drawn = tf.add(from, tf.mul(draw(stream), tf.sub(tf.add(middle, strength), from)))
      return tf.add(middle, tf.mul(applied, tf.sub(drawn, middle))) as tf.Tensor1D
    }
    return {
      brightness: around(1, 0, strength.brightness, 1),
      contrast: around(1, 0, strength.contrast, 2),
      saturation: around(1, 0, strength.saturation, 3),
      hue: around(0, -1, strength.hue, 4),
      places: randomOrders(batch, 4, foldIn(seed, 5), options),
    }
  })
}
