import { type BatchOptions, derive, expected, type Seed, uniforms } from '@selfsup/core'

/**
 * The positions of one pass, one after the other: those of `order`; else each of 0..count-1 once, shuffled by the seed
 * (Fisher-Yates) or as stored. Four bytes an example, however many there are.
 * @throws SelfsupError when `order` leads beyond the last example or is given beside `shuffle`
 */
export function passOrder(
  count: number,
  { shuffle, order: wanted }: Pick<BatchOptions, 'shuffle' | 'order'> = {},
): Uint32Array {
  if (wanted) {
    expected(!shuffle, 'batches: there are both an order and a seed to shuffle by; give one of them')
    const beyond = wanted.find((position) => position >= count)
    expected(
      beyond === undefined,
      `batches: the order must hold positions from 0 to ${count - 1}, as there are ${count} examples; it holds ${beyond}`,
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

/** From so many positions on, draws of 23 bits would reach some of them seldom, and beyond 2^23 never. */
const FEW = 2 ** 20

/** For each place i of a shuffle a position from 0 to i, all equally likely. */
function draws(seed: Seed, count: number): (i: number) => number {
  const coarse = uniforms(seed, count)
  if (count <= FEW) return (i) => Math.floor(coarse[i]! * (i + 1))
  const fine = uniforms(derive(seed, 1), count)
  return (i) => positionOf(coarse[i]!, fine[i]!, i + 1)
}

/** Two draws of 23 bits as one of 46, of so many positions. */
export function positionOf(coarse: number, fine: number, count: number): number {
  return Math.floor((coarse + fine * 2 ** -23) * count)
}

/** Which part of a pass of so many positions a walk covers: batch numbers and the range of each. */
export function* batchRanges(
  length: number,
  {
    batchSize,
    dropLast = false,
    startBatch = 0,
    endBatch = Number.POSITIVE_INFINITY,
    limit = Number.POSITIVE_INFINITY,
  }: Pick<BatchOptions, 'batchSize' | 'dropLast' | 'startBatch' | 'endBatch' | 'limit'>,
): Generator<{ batch: number; start: number; end: number }> {
  const total = Math.min(length, limit)
  for (let batch = startBatch; batch < endBatch && batch * batchSize < total; batch++) {
    const start = batch * batchSize
    const end = Math.min(start + batchSize, total)
    if (dropLast && end - start < batchSize) return
    yield { batch, start, end }
  }
}

/** The positions of each batch of a walk, for data that are at hand. */
export function* batchPositions(count: number, options: BatchOptions): Generator<Uint32Array> {
  const order = passOrder(count, options)
  for (const { start, end } of batchRanges(order.length, options)) {
    options.signal?.throwIfAborted()
    yield order.subarray(start, end)
  }
}

/** What a batch holds beside the data themselves. */
export function labelled(
  positions: Uint32Array,
  labels: Int32Array | undefined,
): { labels: Int32Array; indices: Int32Array } {
  return {
    labels: Int32Array.from(positions, (position) => labels?.[position] ?? -1),
    indices: Int32Array.from(positions),
  }
}
