import { createReadStream } from 'node:fs'
import { open, stat, truncate } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { runPaths } from './paths.js'

/** One line of metrics.jsonl: numbers by name, at a step. */
export interface MetricsLine {
  readonly step: number
  readonly epoch?: number
  readonly [metric: string]: number | undefined
}

const metricsLine = z.looseObject({ step: z.number() })

/** Parses one line; undefined if the line is damaged. Values that are not numbers are left out. */
export function parseMetricsLine(text: string): MetricsLine | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  const { success, data } = metricsLine.safeParse(value)
  if (!success) return undefined
  const numbers = Object.entries(data).filter(
    (entry): entry is [string, number] => typeof entry[1] === 'number',
  )
  return { step: data.step, ...Object.fromEntries(numbers) }
}

/** Formats a line, with its line feed. */
export function metricsText(line: MetricsLine): string {
  return `${JSON.stringify(line)}\n`
}

/**
 * Cuts a run's metrics before the first line after `step`, or before an unfinished line: a resumed run measures those
 * steps again.
 */
export async function cutMetrics(run: string, step: number): Promise<void> {
  const path = runPaths(run).metrics
  let kept = 0
  let last = 0
  try {
    const { size } = await stat(path)
    const input = createReadStream(path)
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      const measured = parseMetricsLine(line)
      if (!measured || measured.step > step) break
      last = Buffer.byteLength(line) + 1
      kept += last
    }
    input.destroy()
    await truncate(path, kept > size ? kept - last : kept)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

/** Appends all of the data to a file, or none of it if that fails. */
export async function appendAtomically(path: string, data: Uint8Array): Promise<void> {
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
