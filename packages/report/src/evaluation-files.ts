import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { EvaluationRecord } from '@selfsup/core'
import { z } from 'zod'
import { readText } from './regular-file.js'

const position = z.number().int().nonnegative()
const split = z.enum(['train', 'test'])

/** An EvaluationRecord as it must be for a page to show it. */
const evaluationRecord = z.object({
  version: z.literal(1),
  protocol: z.string(),
  title: z.string(),
  subject: z.string().optional(),
  step: z.number(),
  weights: z.string().optional(),
  features: z.object({ train: z.string().optional(), test: z.string().optional() }).optional(),
  options: z.record(
    z.string(),
    z.union([z.string(), z.number(), z.boolean(), z.array(z.number())]).or(z.null().transform(() => 'none')),
  ),
  images: z.object({
    train: z.object({ source: z.string(), count: z.number(), fingerprint: z.string() }),
    test: z.object({ source: z.string(), count: z.number(), fingerprint: z.string() }),
  }),
  seconds: z.number(),
  values: z
    .array(
      z.object({
        metric: z.string(),
        features: z.string(),
        value: z.number(),
        interval: z.tuple([z.number(), z.number()]).optional(),
        unit: z.enum(['part', 'seconds', 'steps', 'count']).optional(),
        higherIsBetter: z.boolean().optional(),
      }),
    )
    .min(1),
  charts: z
    .array(
      z.object({
        title: z.string(),
        x: z.object({ label: z.string(), logarithmic: z.boolean().optional() }),
        y: z.object({ label: z.string(), part: z.boolean().optional() }),
        series: z.array(
          z.object({
            name: z.string(),
            points: z.array(
              z.tuple([z.number(), z.number()]).or(z.tuple([z.number(), z.number(), z.number(), z.number()])),
            ),
          }),
        ),
      }),
    )
    .optional(),
  confusion: z
    .object({ classes: z.array(z.string()), counts: z.array(z.array(z.number())) })
    .refine(
      ({ classes, counts }) =>
        counts.length === classes.length && counts.every((row) => row.length === classes.length),
      'counts must be a square of the classes',
    )
    .optional(),
  neighbours: z
    .array(
      z.object({
        query: position,
        nearest: z.array(z.object({ split, position, similarity: z.number() })),
      }),
    )
    .optional(),
  clusters: z
    .array(z.object({ size: z.number(), members: z.array(position), mostly: z.string().optional() }))
    .optional(),
})

interface Stored {
  readonly stamp: string
  readonly record?: EvaluationRecord
  readonly problem?: string
}

/** Follows the records in a run's `evaluation` folder; a file is read again only when it has changed. */
export class EvaluationFiles {
  readonly #folder: string
  #files = new Map<string, Stored>()
  /** of the newest file, ms since 1970 */
  updated = 0

  constructor(run: string) {
    this.#folder = join(run, 'evaluation')
  }

  /** @returns whether anything changed; a damaged file becomes a problem, never an error */
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

  /** In the order of their file names. */
  records(): EvaluationRecord[] {
    return [...this.#files.values()].flatMap(({ record }) => (record ? [record] : []))
  }

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

/** @throws Error in words when the text is no record */
export function parseRecord(text: string): EvaluationRecord {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Error('it is no whole JSON (half written, or damaged)')
  }
  const { success, data, error } = evaluationRecord.safeParse(value)
  if (success) return data
  const [issue] = error.issues
  throw new Error(`it is no evaluation record: ${issue?.path.join('.') || 'the whole'}: ${issue?.message}`)
}
