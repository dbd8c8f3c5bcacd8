import { join } from 'node:path'
import type { SamplesReport } from '@selfsup/train'

/** Writes what a method shows at a checkpoint: a sheet for each kind of images, `reconstructions-00001200.png`. */
export async function writeImages(folder: string, { step, samples: pictures }: SamplesReport): Promise<void> {
  const { contactSheet } = await import('@selfsup/data')
  for (const [name, images] of Object.entries(pictures))
    await contactSheet(join(folder, `${name}-${String(step).padStart(8, '0')}.png`), images)
}
