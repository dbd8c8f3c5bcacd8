import type { Features } from './features.js'

/** Some rows of features, as features of their own. */
export function rowsOf(features: Features, rows: ArrayLike<number>): Features {
  const { width } = features
  const values = new Float32Array(rows.length * width)
  for (let i = 0; i < rows.length; i++)
    values.set(features.values.subarray(rows[i]! * width, (rows[i]! + 1) * width), i * width)
  const each = (column: Int32Array) => Int32Array.from(rows, (row) => column[row]!)
  return {
    ...features,
    values,
    count: rows.length,
    labels: each(features.labels),
    indices: each(features.indices),
  }
}

/** Numbers of at most so many rows, evenly over all: what is sorted by classes keeps all of them. */
export function spreadRows(count: number, most: number): Uint32Array {
  const wanted = Math.min(count, most)
  return Uint32Array.from({ length: wanted }, (_, i) => Math.floor((i * count) / wanted))
}
