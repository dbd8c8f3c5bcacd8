import { expected } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { labOfColour } from './lab.js'

/** Quantisation of values into bins. */
export interface Quantised {
  /** number of bins */
  readonly bins: number
  /** centre of each bin */
  readonly centres: readonly (readonly number[])[]
  /** Maps values [..., values] to indices of bins, int32 [...]; values outside of all bins map to the nearest. */
  binOf(values: tf.Tensor): tf.Tensor
  /**
   * Annealed mean of the bins (Zhang et al. 2016, arXiv:1603.08511, section 2.3): the mean after sharpening the
   * probabilities, because a plain mean of colours is grey.
   * @param logits [..., bins]
   * @param temperature 1: the mean; towards 0: the most likely bin; default 0.38 as in the paper
   * @returns [..., values]
   */
  mean(logits: tf.Tensor, temperature?: number): tf.Tensor
}

/**
 * Lightness bins of equal width.
 * @param width width of a bin; lightness ranges from 0 (black) to 100 (white)
 */
export function lightnessBins(width: number): Quantised {
  expected(
    width > 0 && width <= 50,
    `lightnessBins: width must be greater than 0 and at most 50; got ${width}`,
  )
  const bins = Math.ceil(100 / width)
  const centres = Array.from({ length: bins }, (_, bin) => [(bin + 0.5) * width])
  return quantised(centres, (values) =>
    tf.cast(tf.clipByValue(tf.floor(tf.div(withoutLast(values), width)), 0, bins - 1), 'int32'),
  )
}

/**
 * Colour bins: squares in the a-b plane around multiples of the width, limited to those that contain a colour of sRGB. Zhang
 * et al. 2016 (arXiv:1603.08511, section 2.2) count 313 bins with a width of 10, including some at the edge of the gamut that
 * contain no colour of sRGB.
 */
export function colourBins(width: number): Quantised {
  expected(width >= 2 && width <= 100, `colourBins: width must be a number from 2 to 100; got ${width}`)
  const reach = Math.ceil(128 / width)
  const side = 2 * reach + 1
  const used = new Set<number>()
  for (const [a, b] of gamutColours())
    used.add((Math.round(a / width) + reach) * side + Math.round(b / width) + reach)
  const cells = [...used].sort((one, other) => one - other)
  const centres = cells.map((cell) => [
    (Math.floor(cell / side) - reach) * width,
    ((cell % side) - reach) * width,
  ])
  // The nearest bin of each square in the plane.
  const nearest = Int32Array.from({ length: side * side }, (_, cell) => {
    const [a, b] = [(Math.floor(cell / side) - reach) * width, ((cell % side) - reach) * width]
    const distances = centres.map(([x, y]) => (x! - a) ** 2 + (y! - b) ** 2)
    return distances.indexOf(Math.min(...distances))
  })
  return quantised(centres, (values) => {
    const steps = tf.clipByValue(tf.round(tf.div(values, width)), -reach, reach)
    const [a, b] = tf.unstack(tf.cast(tf.add(steps, reach), 'int32'), -1) as [tf.Tensor, tf.Tensor]
    return tf.gather(tf.tensor1d(nearest, 'int32'), tf.add(tf.mul(a, tf.scalar(side, 'int32')), b))
  })
}

function quantised(centres: number[][], binOf: (values: tf.Tensor) => tf.Tensor): Quantised {
  return {
    bins: centres.length,
    centres,
    binOf: (values) => tf.tidy(() => binOf(values)),
    mean: (logits, temperature = 0.38) =>
      tf.tidy(() => {
        const parts = tf.softmax(tf.div(tf.reshape(logits, [-1, centres.length]), temperature))
        return tf.reshape(tf.matMul(parts, tf.tensor2d(centres)), [
          ...logits.shape.slice(0, -1),
          centres[0]!.length,
        ])
      }),
  }
}

/** Removes the last dimension of [..., 1]. */
function withoutLast(values: tf.Tensor): tf.Tensor {
  return tf.reshape(values, values.shape.slice(0, -1))
}

/** a and b of sRGB colours on the faces of the RGB cube; colours inside the cube add no further values. */
function gamutColours(): [number, number][] {
  const steps = Array.from({ length: 41 }, (_, step) => step / 40)
  const ab = (r: number, g: number, b: number) => labOfColour([r, g, b]).slice(1) as [number, number]
  return [0, 1].flatMap((end) =>
    steps.flatMap((u) => steps.flatMap((v) => [ab(end, u, v), ab(u, end, v), ab(u, v, end)])),
  )
}
