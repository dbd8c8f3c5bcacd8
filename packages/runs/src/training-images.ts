import { resolve } from 'node:path'
import type { ImageDataset } from '@selfsup/core'
import type { Features, SplitFeatures } from '@selfsup/evaluation'

type Opened = Pick<ImageDataset, 'fingerprint' | 'pathOf'>

/**
 * How many of the evaluated test images are evaluated training images too: all if the datasets are the same, otherwise those
 * with the same path; 0 if the images have no paths.
 */
export function trainingImages(
  { train, test }: Readonly<Record<'train' | 'test', Opened>>,
  features: Pick<SplitFeatures, 'train' | 'test'>,
): number {
  if (train.fingerprint === test.fingerprint) return features.test.count
  const known = new Set(pathsOf(train, features.train))
  return pathsOf(test, features.test).filter((path) => known.has(path)).length
}

function pathsOf({ pathOf }: Opened, { indices }: Pick<Features, 'indices'>): string[] {
  return pathOf ? Array.from(indices, (index) => resolve(pathOf(index))) : []
}
