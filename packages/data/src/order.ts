import { type Seed, uniforms } from '@selfsup/core'

/**
 * The order of one pass: each of the positions 0..count-1 once, shuffled by the seed (Fisher-Yates) or as stored.
 * Four bytes an image, however many there are.
 */
export function passOrder(count: number, shuffle?: Seed): Uint32Array {
  const order = new Uint32Array(count)
  for (let i = 0; i < count; i++) order[i] = i
  if (!shuffle) return order
  const draws = uniforms(shuffle, count)
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(draws[i]! * (i + 1))
    const kept = order[i]!
    order[i] = order[j]!
    order[j] = kept
  }
  return order
}

/** Which part of a pass a walk covers: batch numbers and the positions of each. */
export function* batchRanges(
  count: number,
  {
    batchSize,
    dropLast = false,
    startBatch = 0,
    endBatch = Number.POSITIVE_INFINITY,
    limit = Number.POSITIVE_INFINITY,
  }: { batchSize: number; dropLast?: boolean; startBatch?: number; endBatch?: number; limit?: number },
): Generator<{ batch: number; start: number; end: number }> {
  const total = Math.min(count, limit)
  for (let batch = startBatch; batch < endBatch && batch * batchSize < total; batch++) {
    const start = batch * batchSize
    const end = Math.min(start + batchSize, total)
    if (dropLast && end - start < batchSize) return
    yield { batch, start, end }
  }
}
