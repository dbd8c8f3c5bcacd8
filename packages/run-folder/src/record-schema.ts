import { SelfsupError } from '@selfsup/core'
import * as z from 'zod'
import type { EvaluationRecord } from './evaluation-record.js'

const position = z.number().int().nonnegative()
const split = z.enum(['train', 'test'])

const evaluatedImages = z.object({
  source: z.string(),
  count: z.number(),
  fingerprint: z.string(),
  inTraining: z.number().optional(),
})

/** Schema of an EvaluationRecord. */
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
  images: z.object({ train: evaluatedImages, test: evaluatedImages }),
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
      'counts must be a square matrix with one row per class',
    )
    .optional(),
  classRecall: z.array(z.object({ name: z.string(), count: z.number(), recall: z.number() })).optional(),
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

/**
 * Parses an evaluation record.
 * @throws SelfsupError that says what is wrong, if the text is not a record
 */
export function parseRecord(text: string): EvaluationRecord {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new SelfsupError('it is not valid JSON (half written, or damaged)', { code: 'damaged-file' })
  }
  const { success, data, error } = evaluationRecord.safeParse(value)
  if (success) return data
  const [issue] = error.issues
  throw new SelfsupError(
    `it is not an evaluation record: ${issue?.path.join('.') || 'the whole file'}: ${issue?.message}`,
    { code: 'damaged-file' },
  )
}
