import { expected } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { labOfColour } from './lab.js'

/** Values of one kind, sorted into bins. */
export interface Quantised {
  /** how many bins */
  readonly bins: number
  /** values of each bin's centre */
  readonly centres: readonly (readonly number[])[]
  /** Number of the bin: int32 [...], of values [..., values]; those outside of all bins go to the nearest. */
  binOf(values: tf.Tensor): tf.Tensor
  /**
   * Values that probabilities of the bins stand for: their mean after sharpening (the annealed mean of Zhang et al. 2016,
   * arXiv:1603.08511, section 2.3), since a plain mean of colours is grey.
   * @param logits [..., bins]
   * @param temperature 1: the mean; towards 0: the likeliest bin; default 0.38 as in the paper
   * @returns [..., values]
   */
  mean(logits: tf.Tensor, temperature?: number): tf.Tensor
}

/**
 * Bins of lightness, each equally wide.
 * @param width of a bin, of the 100 of black to white
 */
export function lightnessBins(width: number): Quantised {
  expected(width > 0 && width <= 50, `lightnessBins: width must lie above 0 and up to 50; got ${width}`)
  const bins = Math.ceil(100 / width)
  const centres = Array.from({ length: bins }, (_, bin) => [(bin + 0.5) * width])
  return quantised(centres, (values) =>
    tf.cast(tf.clipByValue(tf.floor(tf.div(withoutLast(values), width)), 0, bins - 1), 'int32'),
  )
}

/**
 * Bins of colour, squares of the plane of a and b around multiples of the width; only those that sRGB has colours in. With
 * the paper's width of 10 Zhang et al. 2016 (arXiv:1603.08511, section 2.2) count 313 bins, some of which
 * they reach over the gamut's edge; here are those in which a colour of sRGB lies.
 */
export function colourBins(width: number): Quantised {
  expected(width >= 2 && width <= 100, `colourBins: width must lie between 2 and 100; got ${width}`)
  const reach = Math.ceil(128 / width)
  const side = 2 * reach + 1
  const taken = new Set<number>()
  for (const [a, b] of coloursOfScreen())
    taken.add((Math.round(a / width) + reach) * side + Math.round(b / width) + reach)
  const cells = [...taken].sort((one, other) => one - other)
  const centres = cells.map((cell) => [
    (Math.floor(cell / side) - reach) * width,
    ((cell % side) - reach) * width,
  ])
  // Which bin is nearest to each square of the plane, its own where it is one.
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

/** [..., 1] as [...]. */
function withoutLast(values: tf.Tensor): tf.Tensor {
  return tf.reshape(values, values.shape.slice(0, -1))
}

/** a and b of colours of sRGB: of the cube's faces, since within it there is none whose a and b no face has. */
function coloursOfScreen(): [number, number][] {
  const steps = Array.from({ length: 41 }, (_, step) => step / 40)
  const ab = (r: number, g: number, b: number) => labOfColour([r, g, b]).slice(1) as [number, number]
  return [0, 1].flatMap((end) =>
    steps.flatMap((u) => steps.flatMap((v) => [ab(end, u, v), ab(u, end, v), ab(u, v, end)])),
  )
}
