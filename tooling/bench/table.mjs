import { median } from './packages.mjs'

/** @import { Measured, TableRow } from './built.js' */

const lowerIsBetter = new Set(['ms', 'MB', 'MiB', 's', 'inertia', 'dispatches'])

/**
 * One row per case, with the median of each side over the rounds; null if a side has no value.
 * @param {readonly Measured[]} measured
 * @returns {TableRow[]}
 */
export function tableRows(measured) {
  /** @type {Map<string, { unit: string, ours: number[], peer: number[] }>} */
  const cases = new Map()
  for (const { side, rows } of measured) {
    for (const { case: label, value, unit } of rows) {
      const found = cases.get(label) ?? { unit, ours: [], peer: [] }
      cases.set(label, found)
      found[side].push(value)
    }
  }
  return [...cases].map(([label, { unit, ...values }]) => {
    const ours = values.ours.length ? median(values.ours) : null
    const peer = values.peer.length ? median(values.peer) : null
    const ratio = ours === null || peer === null ? null : lowerIsBetter.has(unit) ? peer / ours : ours / peer
    return { case: label, ours, peer, unit, ratio }
  })
}

/** @param {number | null} value */
const show = (value) => (value === null ? '-' : value >= 100 ? value.toFixed(0) : value.toFixed(2))

/**
 * Formats the rows as a Markdown table.
 * @param {readonly TableRow[]} rows
 */
export function table(rows) {
  return [
    '| case | ours | peer | unit | times better |',
    '| --- | --- | --- | --- | --- |',
    ...rows.map(
      (row) => `| ${row.case} | ${show(row.ours)} | ${show(row.peer)} | ${row.unit} | ${show(row.ratio)} |`,
    ),
  ].join('\n')
}
