import * as z from 'zod'

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
