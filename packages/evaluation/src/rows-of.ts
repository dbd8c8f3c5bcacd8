import type { Features } from './features.js'

/** Selects rows of features. */
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

/** At most `most` evenly spaced rows, so that all classes of sorted features are represented. */
export function spreadRows(count: number, most: number): Uint32Array {
  const wanted = Math.min(count, most)
  return Uint32Array.from({ length: wanted }, (_, i) => Math.floor((i * count) / wanted))
}
