import type { Preprocessing } from '@selfsup/core'
import * as z from 'zod'
import { normalisationSchema, readingSchema } from './run-config.js'

const side = z.int().min(1)
const note = z.object({
  size: side,
  channels: side,
  normalisation: normalisationSchema,
  resampling: z.object({ shorterSide: side, interpolation: z.enum(['bilinear', 'bicubic']) }).optional(),
  reading: readingSchema.optional(),
  stem: z.enum(['cifar', 'imagenet']).optional(),
})

/** What an exported file of weights tells that its tensors do not. */
export interface ExportedNote extends Preprocessing {
  /** first layers of the backbone: for small images or for large ones */
  readonly stem?: 'cifar' | 'imagenet'
}

/** Reads the entry `selfsup` of the metadata of an exported safetensors file. @returns undefined if it has none, or another one */
export function parseExportedNote(metadata: Readonly<Record<string, string>>): ExportedNote | undefined {
  try {
    return note.safeParse(JSON.parse(metadata.selfsup ?? '')).data
  } catch {
    return undefined // other programs write metadata, too
  }
}
