import { cutMetrics, type MetricsLine, metricsText, runPaths, runStorage } from '@selfsup/run-folder'
import { joined } from './bytes.js'
import { fileVersionRecord, restartRecord, scalarRecord } from './event-file.js'

/** Metrics of a run, written as JSON lines and as TensorBoard events. */
export interface MetricsLog {
  /** Adds a line, which the next `flush` writes to disk. */
  add(line: MetricsLine): void
  /** Writes the added lines. If that fails, keeps them for the next call and throws. */
  flush(): Promise<void>
}

/**
 * Opens the metrics of a run: `metrics.jsonl` and a new TensorBoard event file in the same folder.
 * @param step number of finished steps; existing lines of later steps are removed
 */
export async function openMetrics(folder: string, step: number): Promise<MetricsLog> {
  await cutMetrics(folder, step)
  const started = Date.now() / 1000
  const process = globalThis.process?.pid ?? 'browser'
  const events = runStorage.join(folder, `events.out.tfevents.${Math.floor(started)}.selfsup.${process}`)

  const text: Pending = { path: runPaths(folder).metrics, parts: [] }
  const board: Pending = { path: events, parts: [fileVersionRecord(started)] }
  if (step > 0) board.parts.push(restartRecord(started, step + 1))

  return {
    add(line) {
      text.parts.push(new TextEncoder().encode(metricsText(line)))
      const { step, ...scalars } = line
      board.parts.push(scalarRecord({ wallTime: Date.now() / 1000, step, scalars: defined(scalars) }))
    },
    async flush() {
      for (const { path, parts } of [text, board]) {
        if (parts.length === 0) continue
        const count = parts.length
        await runStorage.append(path, joined(parts))
        parts.splice(0, count)
      }
    },
  }
}

/** Metrics that another worker writes. */
export const noMetrics: MetricsLog = { add() {}, async flush() {} }

/** Data to append to a file. */
interface Pending {
  readonly path: string
  readonly parts: Uint8Array[]
}

function defined(scalars: Readonly<Record<string, number | undefined>>): Record<string, number> {
  const present = Object.entries(scalars).filter((entry): entry is [string, number] => entry[1] !== undefined)
  return Object.fromEntries(present)
}
