import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { writeJson } from './atomic-file.js'
import { evaluatedData } from './evaluated-data.js'
import type { EvaluationRecord } from './evaluation-record.js'
import { readText } from './open-file.js'
import { runPaths } from './paths.js'
import { parseRecord } from './record-schema.js'
import { explainWriteErrors } from './write-errors.js'

/** What to do if a result can't be written. */
const FIX = 'free some space or fix the permissions, and run it again: finished work is saved'

/**
 * Writes a record to `evaluation/PROTOCOL.DATA.json` in the run's folder, atomically. It replaces the record of the same
 * protocol on the same data, and no other.
 * @returns path of the file
 * @throws SelfsupError if the folder can't be written to
 */
export async function writeRecord(run: string, record: EvaluationRecord): Promise<string> {
  const { evaluation } = runPaths(run)
  const path = join(evaluation, `${record.protocol}.${evaluatedData(record)}.json`)
  await explainWriteErrors(path, writeJson(path, record, 1), FIX)
  // Earlier versions wrote one record for each protocol.
  const earlier = join(evaluation, `${record.protocol}.json`)
  const replaced = await readText(earlier)
    .then(parseRecord)
    .catch(() => undefined)
  if (replaced && evaluatedData(replaced) === evaluatedData(record)) await rm(earlier, { force: true })
  return path
}

/**
 * Opens the partial results of an unfinished protocol, in `evaluation/.PROTOCOL.DATA.parts`.
 * @param of everything that the results depend on: saved parts with a different value are ignored
 * @param options.force ignores all saved parts
 */
export async function openParts(
  run: string,
  protocol: string,
  of: { readonly facts: Pick<EvaluationRecord, 'images'>; readonly settings: object },
  { force = false } = {},
) {
  const path = join(runPaths(run).evaluation, `.${protocol}.${evaluatedData(of.facts)}.parts`)
  const key = JSON.stringify(of)
  const saved = force
    ? undefined
    : await readText(path)
        .then(JSON.parse)
        .catch(() => undefined)
  const parts: Record<string, { found: unknown; seconds: number }> = saved?.key === key ? saved.parts : {}
  return {
    /** seconds spent on the saved parts */
    secondsBefore: Object.values(parts).reduce((sum, { seconds }) => sum + seconds, 0),
    async once<T>(name: string, find: () => Promise<T>): Promise<T> {
      if (parts[name]) return parts[name].found as T
      const started = performance.now()
      const found = await find()
      parts[name] = { found, seconds: (performance.now() - started) / 1000 }
      await explainWriteErrors(path, writeJson(path, { key, parts }, 1), FIX)
      return found
    },
    forget: () => rm(path, { force: true }),
  }
}

/**
 * The records of a run: one for each protocol and data. Files that are not valid records (damaged, or from another version)
 * are ignored.
 * @param onUnreadable called with the path of each ignored file
 * @returns sorted by protocol
 */
export async function readRecords(
  run: string,
  onUnreadable: (path: string) => void = () => {},
): Promise<EvaluationRecord[]> {
  const folder = runPaths(run).evaluation
  const names = await readdir(folder).catch(() => [])
  const records = new Map<string, EvaluationRecord>()
  for (const name of names) {
    if (!/^[^.].*\.json$/.test(name)) continue
    const path = join(folder, name)
    const record = await readText(path)
      .then(parseRecord)
      .catch(() => undefined)
    if (record) records.set(name, record)
    else onUnreadable(path)
  }
  return recordsOfFiles(records)
}

/**
 * One record for each protocol and data: a file of an earlier version is left out if a newer file replaces it.
 * @param files records by file name
 */
export function recordsOfFiles(files: ReadonlyMap<string, EvaluationRecord>): EvaluationRecord[] {
  const found = new Map<string, EvaluationRecord>()
  // `knn.json`, of an earlier version, comes after `knn.0123456789ab.json`.
  for (const [, record] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const key = `${record.protocol} ${evaluatedData(record)}`
    if (!found.has(key)) found.set(key, record)
  }
  return [...found.values()].sort((a, b) => (a.protocol < b.protocol ? -1 : a.protocol > b.protocol ? 1 : 0))
}
