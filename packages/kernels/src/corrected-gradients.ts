import * as tf from '@tensorflow/tfjs-core'

type Gradient = (
  dy: tf.Tensor,
  saved: readonly tf.Tensor[],
  attrs: tf.NamedAttrMap,
) => Record<string, () => tf.Tensor>

/**
 * Gradients that are wrong or not supported in TensorFlow.js 4.22 on every engine: of broadcast inputs (their shape is
 * ignored), of cumulative sums (transposed once too often), and of tiling with more than four axes.
 */
export const correctedGradients: readonly (Omit<tf.GradConfig, 'gradFunc'> & {
  readonly gradFunc: Gradient
})[] = [
  pairwise('Maximum', (dy, a, b) => {
    const first = tf.cast(tf.greaterEqual(a, b), 'float32')
    return [() => tf.mul(dy, first), () => tf.mul(dy, tf.sub(1, first))]
  }),
  pairwise('Minimum', (dy, a, b) => {
    const first = tf.cast(tf.lessEqual(a, b), 'float32')
    return [() => tf.mul(dy, first), () => tf.mul(dy, tf.sub(1, first))]
  }),
  pairwise('SquaredDifference', (dy, a, b) => {
    const slope = tf.mul(tf.mul(dy, 2), tf.sub(a, b))
    return [() => slope, () => tf.neg(slope)]
  }),
  { kernelName: 'BatchMatMul', ...productGradient(tf.matMul) },
  {
    kernelName: 'Cumsum',
    gradFunc: (dy, _, attrs) => {
      const { axis, exclusive, reverse } = attrs as unknown as tf.CumsumAttrs
      return { x: () => tf.cumsum(dy, axis, exclusive, !reverse) }
    },
  },
  {
    kernelName: 'Tile',
    inputsToSave: ['x'],
    gradFunc: (dy, [x], attrs) => {
      const { reps } = attrs as unknown as tf.TileAttrs
      // Repeated axes are split into a repetition axis and the original axis.
      const parts = x!.shape.flatMap((size, axis) => (reps[axis]! > 1 ? [reps[axis]!, size] : [size]))
      const repeated = x!.shape.flatMap((_, axis) => (reps[axis]! > 1 ? [true, false] : [false]))
      const axes = repeated.flatMap((is, axis) => (is ? [axis] : []))
      return { x: () => tf.reshape(tf.sum(tf.reshape(dy, parts), axes), x!.shape) }
    },
  },
]

/** The gradient of a matrix product, computed with the same kind of product. */
export function productGradient(
  product: (a: tf.Tensor, b: tf.Tensor, transposeA: boolean, transposeB: boolean) => tf.Tensor,
) {
  return {
    inputsToSave: ['a', 'b'],
    gradFunc: (dy: tf.Tensor, saved: readonly tf.Tensor[], attrs: tf.NamedAttrMap) => {
      const [a, b] = saved as [tf.Tensor, tf.Tensor]
      const { transposeA, transposeB } = attrs as unknown as tf.BatchMatMulAttrs
      return {
        a: () =>
          summedTo(
            transposeA ? product(b, dy, transposeB, true) : product(dy, b, false, !transposeB),
            a.shape,
          ),
        b: () =>
          summedTo(
            transposeB ? product(dy, a, true, transposeA) : product(a, dy, !transposeA, false),
            b.shape,
          ),
      }
    },
  }
}

function pairwise(
  kernelName: string,
  slopes: (dy: tf.Tensor, a: tf.Tensor, b: tf.Tensor) => [() => tf.Tensor, () => tf.Tensor],
): (typeof correctedGradients)[number] {
  return {
    kernelName,
    inputsToSave: ['a', 'b'],
    gradFunc: (dy, saved) => {
      const [a, b] = saved as [tf.Tensor, tf.Tensor]
      const [ofA, ofB] = slopes(dy, a, b)
      return { a: () => summedTo(ofA(), a.shape), b: () => summedTo(ofB(), b.shape) }
    },
  }
}

/** Sums a gradient over the axes that broadcasting repeated. */
function summedTo(gradient: tf.Tensor, shape: number[]): tf.Tensor {
  const axes = tf.broadcast_util.getReductionAxes(shape, gradient.shape)
  return axes.length > 0 ? tf.reshape(tf.sum(gradient, axes), shape) : gradient
}
