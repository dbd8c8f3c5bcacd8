import { type CropSpec, centralCropBox, DRAWS_PER_BOX, expected } from '@selfsup/core'
import { foldIn, randomUniform } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'

/** Boxes within images, in whole pixels (float32), each [batch]. */
export interface Boxes {
  readonly top: tf.Tensor1D
  readonly left: tf.Tensor1D
  readonly height: tf.Tensor1D
  readonly width: tf.Tensor1D
}

const TRIES = DRAWS_PER_BOX / 4

/**
 * Draws the boxes of random resized crops, one per image: the first of ten candidates with an area within `scale` and an
 * aspect ratio within `ratio` that fits into the image, otherwise the largest such box at the centre (torchvision's
 * RandomResizedCrop). The boxes equal those of `randomResizedCropBox` of @selfsup/core on the host.
 * @param seed int32 [2], seed of the step
 * @param batch number of boxes
 * @param height, width size of the images in pixels
 */
export function randomCropBoxes(
  seed: tf.Tensor1D,
  batch: number,
  height: number,
  width: number,
  spec: CropSpec,
): Boxes {
  const { scale, ratio } = spec
  expected(
    scale[0] > 0 && scale[0] <= scale[1] && scale[1] <= 1,
    `crop: scale must be within (0, 1], the smaller value first; got [${scale}]`,
  )
  expected(
    ratio[0] > 0 && ratio[0] <= ratio[1],
    `crop: ratio must be above 0, the smaller value first; got [${ratio}]`,
  )
  return tf.tidy(() => {
    const uniform = randomUniform<tf.Rank.R3>([batch, TRIES, 4], foldIn(seed, spec.stream), {
      images: batch,
    })
    const [areaDraw, ratioDraw, topDraw, leftDraw] = tf.unstack(uniform, 2) as tf.Tensor2D[]
    const area = tf.mul(tf.add(tf.mul(areaDraw!, scale[1] - scale[0]), scale[0]), height * width)
    const [from, to] = [Math.log(ratio[0]), Math.log(ratio[1])]
    const aspect = tf.exp(tf.add(tf.mul(ratioDraw!, to - from), from))
    const w = round(tf.sqrt(tf.mul(area, aspect)))
    const h = round(tf.sqrt(tf.div(area, aspect)))
    const fits = tf.cast(
      tf.logicalAnd(
        tf.logicalAnd(tf.greater(w, 0), tf.lessEqual(w, width)),
        tf.logicalAnd(tf.greater(h, 0), tf.lessEqual(h, height)),
      ),
      'float32',
    )
    const first = tf.cast(tf.oneHot(tf.argMax(fits, 1), TRIES), 'float32')
    const chosen = tf.mul(first, fits)
    const any = tf.sum(chosen, 1)
    const pick = (values: tf.Tensor, otherwise: number) =>
      tf.add(tf.sum(tf.mul(values, chosen), 1), tf.mul(tf.sub(1, any), otherwise)) as tf.Tensor1D
    const whole = centralCropBox(height, width, ratio)
    return {
      top: pick(tf.floor(tf.mul(topDraw!, tf.add(tf.sub(height, h), 1))), whole.top),
      left: pick(tf.floor(tf.mul(leftDraw!, tf.add(tf.sub(width, w), 1))), whole.left),
      height: pick(h, whole.height),
      width: pick(w, whole.width),
    }
  })
}

/** Rounds half up, as on the host. */
function round(x: tf.Tensor): tf.Tensor {
  return tf.floor(tf.add(x, 0.5))
}
