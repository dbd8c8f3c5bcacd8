import { basename, resolve } from 'node:path'
import { SelfsupError } from '@selfsup/core'
import type { Comparison } from '@selfsup/evaluation'
import type { EvaluationRecord } from '@selfsup/run-folder'
import { printableLine } from '../printable.js'
import { shellWord, table } from '../table.js'
import { shown, shownInterval } from '../value-table.js'

/** Flags of `selfsup compare`. */
export interface CompareFlags {
  readonly json?: boolean
}

/** `selfsup compare RUN RUN...`: compares the first run with each of the others, protocol by protocol. */
export async function compare(runs: readonly string[], { json }: CompareFlags): Promise<number> {
  if (runs.length < 2) throw new SelfsupError('compare: expected at least two runs; got one')
  const { compareRecords } = await import('@selfsup/evaluation')
  const [first, ...others] = await Promise.all(runs.map(recordsOf))
  const results = others.map((other) => ({
    runs: [first!.run, other.run],
    ...compareRecords(first!.records, other.records),
  }))
  if (json) {
    console.log(JSON.stringify(results))
    return 0
  }
  for (const { runs: pair, values, left } of results) {
    const [a, b] = namesOf(pair as [string, string])
    if (values.length > 0) console.log(`${comparisonTable(values, a, b)}\n\n${summary(values, a, b)}`)
    for (const { protocol, why } of left) console.error(`${protocol}: not compared: ${why}`)
    if (values.length === 0)
      throw new SelfsupError(
        `${a} and ${b} have no metric in common; evaluate both on the same images: selfsup evaluate RUN TRAIN TEST --all`,
      )
  }
  return 0
}

async function recordsOf(run: string): Promise<{ run: string; records: EvaluationRecord[] }> {
  const { readRecords } = await import('@selfsup/run-folder')
  const records = await readRecords(run, (path) =>
    console.error(`${path} is damaged or from another version; it is ignored`),
  )
  if (records.length === 0)
    throw new SelfsupError(
      `${run} has not been evaluated; run: selfsup evaluate ${shellWord(run)} TRAIN TEST --all`,
    )
  return { run, records }
}

/** Short names, if they differ. */
function namesOf(runs: [string, string]): [string, string] {
  const short = runs.map((run) => basename(resolve(run))) as [string, string]
  return short[0] === short[1] ? runs : short
}

function comparisonTable(values: readonly Comparison[], a: string, b: string): string {
  let before = ''
  const several = new Set(values.map(({ test, onTraining }) => `${onTraining} ${test}`)).size > 1
  const rows = values.map((value) => {
    const { metric, features, unit, first, second, difference, interval } = value
    const protocol = labelOf(value, several)
    const row = [
      protocol === before ? '' : protocol,
      features ? `${metric} (${features})` : metric,
      shown(first.value, unit),
      shown(second.value, unit),
      `${difference > 0 ? '+' : ''}${shown(difference, unit)}`,
      interval ? shownInterval(interval, unit) : '',
      verdict(value, a, b),
    ]
    before = protocol
    return row
  })
  return table(['protocol', 'metric', a, b, 'difference', '95 % interval', 'better'], rows)
}

/** The protocol, with the test images if there are several, and a mark if they are training images. */
function labelOf({ protocol, test, onTraining }: Comparison, several: boolean): string {
  const where = several ? `, tested on ${printableLine(test)}` : ''
  return `${protocol}${where}${onTraining ? ' (on training images)' : ''}`
}

function verdict({ better, interval, first }: Comparison, a: string, b: string): string {
  if (better) return `${better === 'first' ? a : b}${interval ? '' : ' (no interval)'}`
  return first.higherIsBetter === undefined ? '' : 'undecided'
}

/** How many metrics are better for each run, among metrics with an interval that were not measured on training images. */
function summary(values: readonly Comparison[], a: string, b: string): string {
  const sure = values.filter(({ interval, onTraining }) => interval && !onTraining)
  const count = (which: Comparison['better']) => sure.filter(({ better }) => better === which).length
  return `Of ${sure.length} metrics with an interval, ${b} is better in ${count('second')} and ${a} in ${count('first')}; ${count(undefined)} are undecided.`
}
