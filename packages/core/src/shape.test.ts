import type { Tensor2D } from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { assertMatrix, assertRank, assertSameShape, ShapeError } from './shape.js'

const shaped = (...shape: number[]) => ({ shape, rank: shape.length })
const matrix = (...shape: number[]) => shaped(...shape) as unknown as Tensor2D

describe('shape checks', () => {
  test('report the function, the tensors and both shapes', () => {
    expect(() => assertSameShape('ntXent', { z1: shaped(32, 128), z2: shaped(31, 128) })).toThrow(
      new ShapeError('ntXent: z1 and z2 must have the same shape; got [32,128] and [31,128]'),
    )
    expect(() => assertRank('blur', 'images', shaped(3, 4), 4, '[batch, height, width, channels]')).toThrow(
      'blur: images must be [batch, height, width, channels]; got [3,4]',
    )
    expect(() => assertMatrix('barlowTwins', { z1: matrix(1, 8), z2: matrix(1, 8) }, 2)).toThrow(
      'barlowTwins: z1 must have at least 2 rows; got [1,8]',
    )
  })

  test('accept matching shapes', () => {
    expect(() => assertSameShape('f', { a: shaped(2, 3), b: shaped(2, 3) })).not.toThrow()
    expect(() => assertMatrix('f', { a: matrix(2, 3), b: matrix(2, 3) }, 2)).not.toThrow()
  })
})
