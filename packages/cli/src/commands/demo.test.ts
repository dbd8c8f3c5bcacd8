import { expect, test } from 'vitest'
import type { RunConfig } from '../run.js'
import { isDemo } from './demo.js'

const run: RunConfig = {
  method: 'simclr',
  options: { temperature: 0.2, jitter: 1, minScale: 0.4, outputs: 128 },
  images: { source: 'shapes', split: 'train', count: 4096, strict: false },
  pictures: { size: 32, channels: 3 },
  backbone: 'convnet',
  seed: 1,
}

test("a demo replaces an earlier demo's run, never one of a person's own", () => {
  expect(isDemo(run)).toBe(true)
  const others: Partial<RunConfig>[] = [
    { method: 'byol' },
    { options: { ...run.options, temperature: 0.5 } },
    { images: { ...run.images, source: '/pictures' } },
    { images: { ...run.images, count: 10_000 } },
    { images: { ...run.images, count: undefined } },
  ]
  for (const other of others) expect(isDemo({ ...run, ...other })).toBe(false)
})
