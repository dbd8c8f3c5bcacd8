// Several workers on this machine: equality with one worker, all-reduce against PyTorch's Gloo, and time spent waiting.
// SELFSUP_DISTRIBUTED=equal,step runs some of its parts.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { equality, teeth } from './distributed-equal.mjs'
import { allReduce, waiting } from './distributed-speed.mjs'

/** @import { Row } from './built.js' */

const folder = mkdtempSync(join(tmpdir(), 'selfsup-distributed-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

/** @type {Readonly<Record<string, () => Promise<Row[]>>>} */
const parts = {
  equal: () => equality(join(folder, 'equal')),
  teeth: () => teeth(join(folder, 'teeth')),
  'all-reduce': allReduce,
  step: waiting,
}
const chosen = process.env.SELFSUP_DISTRIBUTED?.split(',') ?? Object.keys(parts)
/** @type {Row[]} */
const rows = []
for (const name of chosen) {
  const part = parts[name]
  if (!part) throw new Error(`no part ${name}; one of ${Object.keys(parts).join(', ')}`)
  const started = performance.now()
  rows.push(...(await part()))
  console.error(`${name}: ${((performance.now() - started) / 1000).toFixed(0)} s`)
}
console.log(JSON.stringify({ rows }))
