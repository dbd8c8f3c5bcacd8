import type { HostImages } from '@selfsup/core'
import type { ImageSample } from '@selfsup/data'
import { expect, test } from 'vitest'
import { imageProblems } from './image-problems.js'
import { leaks } from './leaks.js'
import { outliers } from './outliers.js'
import { cells, scenes, textures } from './sample-sets.js'

/** Images one after the other. */
function joined(...sets: readonly HostImages[]): HostImages {
  const [, side, , channels] = sets[0]!.shape
  const data = new Uint8Array(Buffer.concat(sets.map((set) => set.data)))
  return { data, shape: [sets.reduce((sum, { shape }) => sum + shape[0], 0), side, side, channels] }
}

/** Some of the images, by their positions. */
function taken({ data, shape: [, side, , channels] }: HostImages, ...numbers: readonly number[]): HostImages {
  const bytes = side * side * channels
  const parts = numbers.map((number) => data.subarray(number * bytes, (number + 1) * bytes))
  return { data: new Uint8Array(Buffer.concat(parts)), shape: [numbers.length, side, side, channels] }
}

const blank = { data: new Uint8Array(24 * 24 * 3).fill(90), shape: [1, 24, 24, 3] as const }

function sampleOf(images: HostImages, folder: string, more: Partial<ImageSample> = {}): ImageSample {
  const [count] = images.shape
  return {
    name: folder,
    count,
    looked: count,
    images,
    indices: Int32Array.from({ length: count }, (_, i) => i),
    sizes: [],
    unreadable: [],
    pathOf: (index) => `${folder}/${index}.png`,
    ...more,
  }
}

const usual = scenes({ count: 60 })

test('an image unlike all others is an outlier; images of one kind have none', () => {
  expect(outliers(scenes({ count: 100 }))).toEqual([])
  expect(outliers(textures({ count: 100 }))).toEqual([])
  const strange = { ...usual, data: usual.data.map((value) => 255 - value) }
  const found = outliers(joined(usual, taken(strange, 7), blank))
  expect(found.map(({ image }) => image)).toEqual([60])
  expect(found[0]!.distance).toBeGreaterThan(3)
})

test('lists every image to look at once with its reason, and keeps one image of each group of copies', () => {
  const images = joined(usual, taken(usual, 3), taken(usual, 3), blank)
  const unreadable = [{ path: 'a/cut.jpg', reason: 'truncated or damaged' }]
  expect(imageProblems(sampleOf(images, 'a', { unreadable }))).toEqual([
    { image: 'a/cut.jpg', problem: 'unreadable', detail: 'truncated or damaged' },
    { image: 'a/62.png', problem: 'blank' },
    { image: 'a/60.png', problem: 'duplicate', other: 'a/3.png' },
    { image: 'a/61.png', problem: 'duplicate', other: 'a/3.png' },
  ])
})

test('test images that are training images are leaks, with an estimate for samples', () => {
  const train = sampleOf(usual, 'train', { count: 600, looked: 60 })
  const brighter = taken(usual, 9)
  const test = sampleOf(
    joined(cells({ count: 98 }), taken(usual, 4), {
      ...brighter,
      data: brighter.data.map((v) => Math.min(255, v + 4)),
    }),
    'test',
  )
  const found = leaks(train, test)
  expect(found.pairs).toEqual([
    { test: 'test/98.png', train: 'train/4.png' },
    { test: 'test/99.png', train: 'train/9.png' },
  ])
  // 2 of 100 have a copy in a tenth of the training images.
  expect(found.estimate).toBeCloseTo(0.2, 10)
  expect(found.compared).toEqual({ train: 60, test: 100 })
  expect(imageProblems(train, found).slice(-1)).toEqual([
    { image: 'test/99.png', problem: 'leak', other: 'train/9.png' },
  ])
  expect(leaks(train, sampleOf(cells({ count: 20 }), 'test')).pairs).toEqual([])
})
