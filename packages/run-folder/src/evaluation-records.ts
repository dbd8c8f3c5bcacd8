import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SelfsupError } from '@selfsup/core'
import { whyNotWritten, writeJson } from './atomic-file.js'
import type { EvaluationRecord } from './evaluation-record.js'
import { readText } from './open-file.js'
import { runPaths } from './paths.js'
import { parseRecord } from './record-schema.js'

/**
 * Writes a record to `evaluation/PROTOCOL.json` in the run's folder, atomically.
 * @returns path of the file
 * @throws SelfsupError if the folder can't be written to
 */
export async function writeRecord(run: string, record: EvaluationRecord): Promise<string> {
  const path = join(runPaths(run).evaluation, `${record.protocol}.json`)
  await writeWhole(path, record)
  return path
}

async function writeWhole(path: string, content: object): Promise<void> {
  try {
    await writeJson(path, content, 1)
  } catch (error) {
    throw new SelfsupError(`${path} can't be written: ${whyNotWritten(error)}`, {
      code: 'write-failed',
      fix: 'free some space or fix the permissions, and run it again: finished work is saved',
      path,
    })
  }
}

/**
 * Opens the partial results of an unfinished protocol, in `evaluation/.PROTOCOL.parts`.
 * @param of everything that the results depend on: saved parts with a different value are ignored
 * @param options.force ignores all saved parts
 */
export async function openParts(run: string, protocol: string, of: object, { force = false } = {}) {
  const path = join(runPaths(run).evaluation, `.${protocol}.parts`)
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
      await writeWhole(path, { key, parts })
      return found
    },
    forget: () => rm(path, { force: true }),
  }
}

/**
 * The records of a run, by protocol. Files that are not valid records (damaged, or from another version) are ignored.
 * @param onUnreadable called with the path of each ignored file
 */
export async function readRecords(
  run: string,
  onUnreadable: (path: string) => void = () => {},
): Promise<Map<string, EvaluationRecord>> {
  const folder = runPaths(run).evaluation
  const names = await readdir(folder).catch(() => [])
  const records = new Map<string, EvaluationRecord>()
  for (const name of names.sort()) {
    if (!/^[^.].*\.json$/.test(name)) continue
    const path = join(folder, name)
    const record = await readText(path)
      .then(parseRecord)
      .catch(() => undefined)
    if (record) records.set(record.protocol, record)
    else onUnreadable(path)
  }
  return records
}
