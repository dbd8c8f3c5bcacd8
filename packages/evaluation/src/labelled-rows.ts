import type { Features } from './features.js'

/** Rows that have a class. */
export function labelledRows({ labels }: Features): Uint32Array {
  const rows = new Uint32Array(labels.length)
  let count = 0
  for (const [row, label] of labels.entries()) if (label >= 0) rows[count++] = row
  return rows.subarray(0, count)
}
