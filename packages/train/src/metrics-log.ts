import { join } from 'node:path'
import { appendWhole, cutMetrics, type MetricsLine, metricsText, runPaths } from '@selfsup/run-folder'
import { fileVersionRecord, restartRecord, scalarRecord } from './event-file.js'

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
  await cutMetrics(folder, step)
  const started = Date.now() / 1000
  const events = join(folder, `events.out.tfevents.${Math.floor(started)}.selfsup.${process.pid}`)

  const text: Pending = { path: runPaths(folder).metrics, parts: [] }
  const board: Pending = { path: events, parts: [fileVersionRecord(started)] }
  if (step > 0) board.parts.push(restartRecord(started, step + 1))

  return {
    add(line) {
      text.parts.push(Buffer.from(metricsText(line)))
      const { step, ...scalars } = line
      board.parts.push(scalarRecord({ wallTime: Date.now() / 1000, step, scalars: defined(scalars) }))
    },
    async flush() {
      for (const { path, parts } of [text, board]) {
        if (parts.length === 0) continue
        const count = parts.length
        await appendWhole(path, Buffer.concat(parts))
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
