import type { ImageDataset } from '@selfsup/core'
import { type SampleOptions, sampleDataset } from '@selfsup/data'
import { type Measures, measure } from './measure.js'

/** Measures a sample of an open dataset. */
export async function measureDataset(dataset: ImageDataset, options: SampleOptions = {}): Promise<Measures> {
  return measure(await sampleDataset(dataset, options))
}
