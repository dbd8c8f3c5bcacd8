import { createReadStream } from 'node:fs'
import { open, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileVersionRecord, restartRecord, scalarRecord } from './event-file.js'

/** One line of metrics.jsonl. */
interface MetricsLine {
  readonly step: number
  readonly epoch: number
  readonly [metric: string]: number | undefined
}

/** What a run measured: lines of JSON, and the same as TensorBoard events. */
export interface MetricsLog {
  /** notes a line; it is on disk after the next `flush` */
  add(line: MetricsLine): void
  /** writes what was added; on an error, keeps it for the next time and throws */
  flush(): Promise<void>
}

/**
 * Opens the metrics of a run: `metrics.jsonl`, and a new TensorBoard event file beside it.
 * @param step how many steps are done: what files from before say of later ones is dropped
 */
export async function openMetrics(folder: string, step: number): Promise<MetricsLog> {
  const lines = join(folder, 'metrics.jsonl')
  await dropLinesAfter(lines, step)
  const started = Date.now() / 1000
  const events = join(folder, `events.out.tfevents.${Math.floor(started)}.selfsup.${process.pid}`)

  const text: Pending = { path: lines, parts: [] }
  const board: Pending = { path: events, parts: [fileVersionRecord(started)] }
  if (step > 0) board.parts.push(restartRecord(started, step + 1))

  return {
    add(line) {
      text.parts.push(Buffer.from(`${JSON.stringify(line)}\n`))
      const { step, ...scalars } = line
      board.parts.push(scalarRecord({ wallTime: Date.now() / 1000, step, scalars: defined(scalars) }))
    },
    async flush() {
      for (const { path, parts } of [text, board]) {
        if (parts.length === 0) continue
        const count = parts.length
        await append(path, Buffer.concat(parts))
        parts.splice(0, count)
      }
    },
  }
}

/** What waits to be appended to a file. */
interface Pending {
  readonly path: string
  readonly parts: Uint8Array[]
}

function defined(scalars: Readonly<Record<string, number | undefined>>): Record<string, number> {
  const present = Object.entries(scalars).filter((entry): entry is [string, number] => entry[1] !== undefined)
  return Object.fromEntries(present)
}

/** Appends all of the data or, when that fails, none of it. */
async function append(path: string, data: Uint8Array): Promise<void> {
  const file = await open(path, 'a')
  try {
    const { size } = await file.stat()
    try {
      await file.appendFile(data)
    } catch (error) {
      await file.truncate(size).catch(() => {})
      throw error
    }
  } finally {
    await file.close()
  }
}

/** Cuts the file before its first line about a later step, or before a line that was not finished. */
async function dropLinesAfter(path: string, step: number): Promise<void> {
  let kept = 0
  let last = 0
  try {
    const { size } = await stat(path)
    const input = createReadStream(path)
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (!(stepOf(line) <= step)) break
      last = Buffer.byteLength(line) + 1
      kept += last
    }
    input.destroy()
    await truncate(path, kept > size ? kept - last : kept)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

function stepOf(line: string): number {
  try {
    return JSON.parse(line).step
  } catch {
    return Number.NaN
  }
}
