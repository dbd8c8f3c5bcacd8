import { join } from 'node:path'
import type { SamplesReport } from '@selfsup/train'

/** Writes a method's sample images at a checkpoint: one contact sheet per kind, such as `reconstructions-00001200.png`. */
export async function writeSamples(folder: string, { step, samples }: SamplesReport): Promise<void> {
  const { contactSheet } = await import('@selfsup/data')
  for (const [name, images] of Object.entries(samples))
    await contactSheet(join(folder, `${name}-${String(step).padStart(8, '0')}.png`), images)
}
