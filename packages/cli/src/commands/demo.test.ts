import type { RunConfig } from '@selfsup/run-folder'
import { expect, test } from 'vitest'
import { isDemo } from './demo.js'

const source = { path: 'shapes', options: { imageSize: 32, split: 'train', count: 4096, seed: 1 } }
const dataset = { name: 'shapes', fingerprint: '', length: 4096, channels: 3, source }
const run: RunConfig = {
  formatVersion: 3,
  method: 'simclr',
  options: { temperature: 0.2, jitter: 1, minScale: 0.4, outputs: 128 },
  backbone: { name: 'convnet', options: {} },
  imageShape: { size: 32, channels: 3 },
  features: 'backbone',
  dataset,
  settings: { epochs: 22, batchSize: 128, learningRate: 1.5 },
  stepsPerEpoch: 32,
  config: {},
  versions: {},
}

test('isDemo recognises only runs of the demo', () => {
  expect(isDemo(run)).toBe(true)
  const of = (path: string, count?: number) => ({
    dataset: {
      ...dataset,
      source: { path, options: (count === undefined ? {} : { count }) as Record<string, number> },
    },
  })
  const others: Partial<RunConfig>[] = [
    { method: 'byol' },
    { options: { ...run.options, temperature: 0.5 } },
    of('/images', 4096),
    of('shapes', 10_000),
    of('shapes'),
    { dataset: { ...dataset, source: undefined } },
  ]
  for (const other of others) expect(isDemo({ ...run, ...other })).toBe(false)
})
