import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type EvaluationRecord, parseRecord, readText, recordsOfFiles, runPaths } from '@selfsup/run-folder'

interface Stored {
  readonly stamp: string
  readonly record?: EvaluationRecord
  readonly problem?: string
}

/** Follows the records in a run's `evaluation` folder; a file is read again only when it has changed. */
export class EvaluationFiles {
  readonly #folder: string
  #files = new Map<string, Stored>()
  /** modification time of the newest file, ms since 1970 */
  updated = 0

  constructor(run: string) {
    this.#folder = runPaths(run).evaluation
  }

  /** Reads the files that have changed. A damaged file does not throw: see `problems`. @returns whether anything has changed */
  async update(): Promise<boolean> {
    const names = (await readdir(this.#folder).catch(() => [])).filter((name) => name.endsWith('.json'))
    const files = new Map<string, Stored>()
    let changed = false
    for (const name of names.sort()) {
      const path = join(this.#folder, name)
      const facts = await stat(path).catch(() => undefined)
      if (!facts?.isFile()) continue
      this.updated = Math.max(this.updated, facts.mtimeMs)
      const stamp = `${facts.mtimeMs} ${facts.size} ${facts.ino}`
      const before = this.#files.get(name)
      if (before?.stamp === stamp) files.set(name, before)
      else {
        files.set(name, { stamp, ...(await readRecord(path, name)) })
        changed = true
      }
    }
    changed ||= files.size !== this.#files.size
    this.#files = files
    return changed
  }

  /** The records, one for each protocol and data, sorted by protocol. */
  records(): EvaluationRecord[] {
    return recordsOfFiles(
      new Map([...this.#files].flatMap(([name, { record }]) => (record ? [[name, record]] : []))),
    )
  }

  /** Why files are left out, one sentence each. */
  problems(): string[] {
    return [...this.#files.values()].flatMap(({ problem }) => (problem ? [problem] : []))
  }
}

async function readRecord(path: string, name: string): Promise<Omit<Stored, 'stamp'>> {
  try {
    return { record: parseRecord(await readText(path)) }
  } catch (error) {
    return { problem: `evaluation/${name} is left out: ${(error as Error).message}` }
  }
}
