import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type EvaluationRecord, SelfsupError } from '@selfsup/core'

/** Where a run's records lie. */
export function recordsFolder(run: string): string {
  return join(run, 'evaluation')
}

/**
 * Writes a record to `evaluation/PROTOCOL.json` in the run's folder: whole or not at all.
 * @returns the path
 * @throws SelfsupError when the folder can't be written to
 */
export async function writeRecord(run: string, record: EvaluationRecord): Promise<string> {
  const folder = recordsFolder(run)
  const path = join(folder, `${record.protocol}.json`)
  const temporary = join(folder, `.${record.protocol}-${randomUUID()}.tmp`)
  try {
    await mkdir(folder, { recursive: true })
    const file = await open(temporary, 'w')
    try {
      await file.writeFile(`${JSON.stringify(record, null, 1)}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw new SelfsupError(
      `${path} can't be written: ${(error as Error).message}; make room or mend the permissions and run the same command again: what is done is kept`,
    )
  }
  return path
}

/**
 * The records of a run, by protocol. Files that are no records (damaged, or of another version) are passed over.
 * @param onUnreadable told of each of them
 */
export async function readRecords(
  run: string,
  onUnreadable: (path: string) => void = () => {},
): Promise<Map<string, EvaluationRecord>> {
  const folder = recordsFolder(run)
  const names = await readdir(folder).catch(() => [])
  const records = new Map<string, EvaluationRecord>()
  for (const name of names.sort()) {
    if (!/^[^.].*\.json$/.test(name)) continue
    const path = join(folder, name)
    const record = await readFile(path, 'utf8').then(parsed, () => undefined)
    if (record) records.set(record.protocol, record)
    else onUnreadable(path)
  }
  return records
}

function parsed(text: string): EvaluationRecord | undefined {
  try {
    const record = JSON.parse(text)
    const whole = record.version === 1 && typeof record.protocol === 'string' && Array.isArray(record.values)
    return whole ? record : undefined
  } catch {
    return undefined
  }
}
