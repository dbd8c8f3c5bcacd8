import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core'
import { SelfsupError } from './errors.js'

/** Tensors had other shapes than the function can take; the message holds both. */
export class ShapeError extends SelfsupError {
  override name = 'ShapeError'
}

/** What the shape checks need to know of a tensor. */
export type AnyTensor = Pick<Tensor, 'shape' | 'rank'>

/** A shape as text: `[32,128]`. */
export function formatShape(shape: readonly number[]): string {
  return `[${shape.join(',')}]`
}

/**
 * All tensors have one and the same shape.
 * @param where the name of the calling function, first word of the message
 * @param tensors by the names that the caller's signature gives them
 * @throws ShapeError
 */
export function assertSameShape(where: string, tensors: Record<string, AnyTensor>): void {
  const entries = Object.entries(tensors)
  const shapes = entries.map(([, tensor]) => formatShape(tensor.shape))
  if (new Set(shapes).size <= 1) return
  const names = entries.map(([name]) => name).join(' and ')
  throw new ShapeError(`${where}: ${names} must have the same shape; got ${shapes.join(' and ')}`)
}

/**
 * A tensor has the given rank.
 * @param layout what the axes mean, for the message: `[batch, height, width, channels]`
 * @throws ShapeError
 */
export function assertRank(
  where: string,
  name: string,
  tensor: AnyTensor,
  rank: number,
  layout: string,
): void {
  if (tensor.rank === rank) return
  throw new ShapeError(`${where}: ${name} must be ${layout}; got ${formatShape(tensor.shape)}`)
}

/**
 * Each tensor is a matrix [batch, features], all of one shape, with at least `minBatch` rows.
 * @throws ShapeError
 */
export function assertMatrix(where: string, tensors: Record<string, Tensor2D>, minBatch = 1): void {
  for (const [name, tensor] of Object.entries(tensors))
    assertRank(where, name, tensor, 2, '[batch, features]')
  assertSameShape(where, tensors)
  const [name, first] = Object.entries(tensors)[0]!
  if (first.shape[0] < minBatch) {
    throw new ShapeError(
      `${where}: ${name} must have at least ${minBatch} rows; got ${formatShape(first.shape)}`,
    )
  }
}
