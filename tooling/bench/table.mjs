import { median } from './packages.mjs'

const lowerIsBetter = new Set(['ms', 'MB', 's', 'inertia'])

/** One row per case, with the median of each side over the rounds; null if a side has no value. */
export function tableRows(measured) {
  const cases = new Map()
  for (const { side, rows } of measured) {
    for (const { case: label, value, unit } of rows) {
      if (!cases.has(label)) cases.set(label, { unit, ours: [], peer: [] })
      cases.get(label)[side].push(value)
    }
  }
  return [...cases].map(([label, { unit, ...values }]) => {
    const [ours, peer] = [values.ours, values.peer].map((side) => (side.length ? median(side) : null))
    const both = ours !== null && peer !== null
    const ratio = both ? (lowerIsBetter.has(unit) ? peer / ours : ours / peer) : null
    return { case: label, ours, peer, unit, ratio }
  })
}

const show = (value) => (value === null ? '-' : value >= 100 ? value.toFixed(0) : value.toFixed(2))

/** Formats the rows as a Markdown table. */
export function table(rows) {
  return [
    '| case | ours | peer | unit | times better |',
    '| --- | --- | --- | --- | --- |',
    ...rows.map(
      (row) => `| ${row.case} | ${show(row.ours)} | ${show(row.peer)} | ${row.unit} | ${show(row.ratio)} |`,
    ),
  ].join('\n')
}
