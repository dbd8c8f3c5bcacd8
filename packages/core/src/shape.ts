import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core'
import { SelfsupError } from './errors.js'

/** A tensor does not have the shape that a function requires; the message contains the expected and the received shape. */
export class ShapeError extends SelfsupError {
  override name = 'ShapeError'
}

/** The fields of a tensor that the shape checks need. */
export type AnyTensor = Pick<Tensor, 'shape' | 'rank'>

/** Formats a shape as text: `[32,128]`. */
export function formatShape(shape: readonly number[]): string {
  return `[${shape.join(',')}]`
}

/**
 * Asserts that all tensors have the same shape.
 * @param where name of the calling function, the first word of the message
 * @param tensors tensors by the names of the caller's parameters
 * @throws ShapeError if the shapes differ
 */
export function assertSameShape(where: string, tensors: Record<string, AnyTensor>): void {
  const entries = Object.entries(tensors)
  const shapes = entries.map(([, tensor]) => formatShape(tensor.shape))
  if (new Set(shapes).size <= 1) return
  const names = entries.map(([name]) => name).join(' and ')
  throw new ShapeError(`${where}: ${names} must have the same shape; got ${shapes.join(' and ')}`)
}

/**
 * Asserts that a tensor has the given rank.
 * @param layout meaning of the axes, for the message: `[batch, height, width, channels]`
 * @throws ShapeError if the rank differs
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
 * Asserts that all tensors are matrices [batch, features] of the same shape with at least `minBatch` rows.
 * @throws ShapeError if they are not
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
