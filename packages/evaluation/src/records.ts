import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
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
  const path = join(recordsFolder(run), `${record.protocol}.json`)
  await writeWhole(path, record)
  return path
}

async function writeWhole(path: string, content: object): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}-${randomUUID()}.tmp`)
  try {
    await mkdir(dirname(path), { recursive: true })
    const file = await open(temporary, 'w')
    try {
      await file.writeFile(`${JSON.stringify(content, null, 1)}\n`)
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
}

/**
 * What was found of parts of a protocol that is not done yet, in `evaluation/.PROTOCOL.parts`.
 * @param of what findings depend on: parts that were found of anything else are not taken
 */
export async function openParts(run: string, protocol: string, of: object, { anew = false } = {}) {
  const path = join(recordsFolder(run), `.${protocol}.parts`)
  const key = JSON.stringify(of)
  const kept = anew
    ? undefined
    : await readFile(path, 'utf8')
        .then(JSON.parse)
        .catch(() => undefined)
  const parts: Record<string, { found: unknown; seconds: number }> = kept?.key === key ? kept.parts : {}
  return {
    /** what it took to find the parts that were kept */
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
