import { type BatchOptions, derive, expected, rowsOfPart, type Seed, uniforms } from '@selfsup/core'

/**
 * The positions of one pass in order: those of `order`, or each of 0..count-1 once, shuffled by the seed (Fisher-Yates) or in
 * stored order. Needs four bytes per example.
 * @throws SelfsupError if `order` contains a position beyond the last example, or both `order` and `shuffle` are given
 */
export function passOrder(
  count: number,
  { shuffle, order: wanted }: Pick<BatchOptions, 'shuffle' | 'order'> = {},
): Uint32Array {
  if (wanted) {
    expected(!shuffle, 'batches: order and shuffle are both set; set only one of them')
    const beyond = wanted.find((position) => position >= count)
    expected(
      beyond === undefined,
      `batches: order must contain positions from 0 to ${count - 1}, since there are ${count} examples; got ${beyond}`,
    )
    return wanted
  }
  const order = new Uint32Array(count)
  for (let i = 0; i < count; i++) order[i] = i
  if (!shuffle) return order
  const draw = draws(shuffle, count)
  for (let i = count - 1; i > 0; i--) {
    const j = draw(i)
    const kept = order[i]!
    order[i] = order[j]!
    order[j] = kept
  }
  return order
}

/** With more positions than this, 23-bit draws reach some positions too rarely, and beyond 2^23 never. */
const FEW = 2 ** 20

/** Returns a function that draws, for each place i of a shuffle, a position from 0 to i with equal probability. */
function draws(seed: Seed, count: number): (i: number) => number {
  const coarse = uniforms(seed, count)
  if (count <= FEW) return (i) => Math.floor(coarse[i]! * (i + 1))
  const fine = uniforms(derive(seed, 1), count)
  return (i) => positionOf(coarse[i]!, fine[i]!, i + 1)
}

/** Combines two 23-bit draws to one of 46 bits and scales it to a position below `count`. */
export function positionOf(coarse: number, fine: number, count: number): number {
  return Math.floor((coarse + fine * 2 ** -23) * count)
}

/** A batch of a pass, or a part of it. */
export interface BatchRange {
  /** number of the batch */
  readonly batch: number
  /** positions from `start` (inclusive) to `end` (exclusive) */
  readonly start: number
  readonly end: number
  /** row of the whole batch at `start`; 0 for a whole batch */
  readonly first: number
  /** number of rows of the whole batch */
  readonly rows: number
}

/** The batch numbers of a pass over `length` positions, with the range of positions of each. */
export function* batchRanges(
  length: number,
  {
    batchSize,
    dropLast = false,
    startBatch = 0,
    endBatch = Number.POSITIVE_INFINITY,
    limit = Number.POSITIVE_INFINITY,
    part = { index: 0, count: 1 },
  }: Pick<BatchOptions, 'batchSize' | 'dropLast' | 'startBatch' | 'endBatch' | 'limit' | 'part'>,
): Generator<BatchRange> {
  const total = Math.min(length, limit)
  for (let batch = startBatch; batch < endBatch && batch * batchSize < total; batch++) {
    const start = batch * batchSize
    const end = Math.min(start + batchSize, total)
    if (dropLast && end - start < batchSize) return
    const own = rowsOfPart(end - start, part)
    yield { batch, start: start + own.start, end: start + own.end, first: own.start, rows: end - start }
  }
}

/** The positions of each batch of a pass, for data in memory. */
export function* batchPositions(count: number, options: BatchOptions): Generator<Uint32Array> {
  const order = passOrder(count, options)
  for (const { start, end } of batchRanges(order.length, options)) {
    options.signal?.throwIfAborted()
    yield order.subarray(start, end)
  }
}

/** Labels and indices of a batch. */
export function labelled(
  positions: Uint32Array,
  labels: Int32Array | undefined,
): { labels: Int32Array; indices: Int32Array } {
  return {
    labels: Int32Array.from(positions, (position) => labels?.[position] ?? -1),
    indices: Int32Array.from(positions),
  }
}
