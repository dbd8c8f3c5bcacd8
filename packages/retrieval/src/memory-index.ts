import { expected, uniforms } from '@selfsup/core'
import type { ComparableImages } from './comparable-images.js'

/**
 * Features in memory, for `nearDuplicates` and `randomPairs`. The rows are copied and scaled to length 1.
 * @param features one row of `width` values per image
 * @param paths one per row
 * @throws SelfsupError if the number of values is not paths * width
 */
export function memoryIndex(
  { values, width }: { readonly values: Float32Array; readonly width: number },
  paths: readonly string[],
): ComparableImages {
  const count = paths.length
  expected(
    values.length === count * width,
    `memoryIndex: expected ${count} rows of ${width} features; got ${values.length} values`,
  )
  const rows = values.slice()
  const row = (i: number) => rows.subarray(i * width, (i + 1) * width)
  for (let i = 0; i < count; i++) {
    const own = row(i)
    const length = Math.sqrt(own.reduce((sum, value) => sum + value * value, 0)) || 1
    for (let j = 0; j < width; j++) own[j]! /= length
  }
  return {
    width,
    count: async () => count,
    async *listing() {
      yield paths.map((path) => ({ path, source: '' }))
    },
    async *rows(from = 0) {
      yield { values: rows.subarray(from * width) }
    },
    async sample(most, seed = 1) {
      const draws = uniforms([seed, 0x3e30], count)
      const order = [...paths.keys()].sort((a, b) => draws[a]! - draws[b]!).slice(0, most)
      const drawn = new Float32Array(order.length * width)
      for (const [at, i] of order.entries()) drawn.set(row(i), at * width)
      return { paths: order.map((i) => paths[i]!), values: drawn }
    },
  }
}
