import { assertRank, ShapeError, stopGradient } from '@selfsup/core'
import { matMulFloat32 } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'

/**
 * Distillation of positions: at each position of the teacher's map, the student's features have to point in the same
 * direction. The loss is 1 minus the cosine, averaged over images and positions.
 *
 * @param student [batch, any height, any width, channels]; interpolated to the teacher's grid
 * @param teacher [batch, height, width, channels]; constant
 * @returns scalar from 0 (same directions) to 2
 * @throws ShapeError if batch or channels differ
 */
export function localDistillation(student: tf.Tensor4D, teacher: tf.Tensor4D): tf.Scalar {
  for (const [name, map] of Object.entries({ student, teacher }))
    assertRank('localDistillation', name, map, 4, '[batch, height, width, channels]')
  if (student.shape[0] !== teacher.shape[0] || student.shape[3] !== teacher.shape[3])
    throw new ShapeError(
      `localDistillation: student and teacher must have the same batch and channels; got [${student.shape}] and [${teacher.shape}]`,
    )
  return tf.tidy(() => {
    const [, height, width] = teacher.shape
    const wanted = unit(stopGradient(teacher))
    const given = unit(interpolate(student, height, width))
    return tf.sub(1, tf.mean(tf.sum(tf.mul(wanted, given), 3))) as tf.Scalar
  })
}

/** Features of length 1. The epsilon is inside the root, so that the gradient at 0 is finite. */
function unit(map: tf.Tensor4D): tf.Tensor4D {
  return tf.mul(map, tf.rsqrt(tf.add(tf.sum(tf.square(map), 3, true), 1e-12)))
}

/**
 * Bilinear interpolation of a map to another size, as PyTorch's `interpolate` with `align_corners=False`. It is computed with
 * products of matrices: TensorFlow.js' own has a wrong gradient for this alignment, and none on WebAssembly.
 * @param map [batch, any height, any width, channels]
 * @returns [batch, height, width, channels]; differentiable
 */
export function interpolate(map: tf.Tensor4D, height: number, width: number): tf.Tensor4D {
  if (map.shape[1] === height && map.shape[2] === width) return map
  return tf.tidy(() => {
    const along = (x: tf.Tensor4D, axes: number[], to: number): tf.Tensor4D => {
      // The axis to interpolate is moved to the end.
      const last = tf.transpose(x, axes)
      const [a, b, c, from] = last.shape as [number, number, number, number]
      const weights = tf.tensor2d(bilinearWeights(from, to), [from, to])
      return tf.reshape(matMulFloat32(tf.reshape(last, [-1, from]), weights), [a, b, c, to])
    }
    const rows = along(map, [0, 2, 3, 1], height) // [batch, width, channels, height]
    const both = along(rows, [0, 3, 2, 1], width) // [batch, height, channels, width]
    return tf.transpose(both, [0, 1, 3, 2])
  })
}

/** How much each of `from` positions contributes to each of `to` positions: [from, to]. */
function bilinearWeights(from: number, to: number): Float32Array {
  const weights = new Float32Array(from * to)
  for (let i = 0; i < to; i++) {
    const place = Math.max(0, ((i + 0.5) * from) / to - 0.5)
    const low = Math.min(from - 1, Math.floor(place))
    const high = Math.min(from - 1, low + 1)
    weights[low * to + i]! += 1 - (place - low)
    weights[high * to + i]! += place - low
  }
  return weights
}
