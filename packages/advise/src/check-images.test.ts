import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openImages, shapes } from '@selfsup/data'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../tooling/vitest/temporary-folder.js'
import { checkImages } from './check-images.js'
import { scenes } from './sample-sets.js'

/** Writes images of 128 pixels, number `index` with the pixels that `draw` returns. */
async function written(
  name: string,
  count: number,
  draw: (index: number) => Promise<Buffer>,
): Promise<string> {
  const path = join(temporaryFolder(), name)
  await mkdir(path)
  for (let index = 0; index < count; index++) await writeFile(join(path, `${index}.jpg`), await draw(index))
  return path
}

const scene = (index: number) => {
  const { data, shape } = scenes({ count: 1, side: 24, seed: index + 1 })
  return sharp(data, { raw: { width: shape[2], height: shape[1], channels: 3 } }).resize(128, 100, {
    fit: 'fill',
  })
}

test('copies of one image are unsuitable, also with different compression', async () => {
  const path = await written('copies', 6, (index) =>
    scene(1)
      .jpeg({ quality: 94 + index })
      .toBuffer(),
  )
  const dataset = await openImages(path)
  const { unsuitable } = await checkImages(dataset)
  expect(unsuitable).toContain('100 % of 6 images in a sample are copies of one image, for example ')
  await dataset.close()
})

test('images of one scene that differ in a detail are not copies; the check only warns', async () => {
  const defect = (index: number) => ({
    input: { create: { width: 12, height: 12, channels: 3 as const, background: '#c02020' } },
    left: 8 * index,
    top: 40,
  })
  const path = await written('factory', 8, (index) =>
    scene(1)
      .composite([defect(index)])
      .jpeg()
      .toBuffer(),
  )
  const dataset = await openImages(path)
  const { unsuitable, measures } = await checkImages(dataset)
  expect(unsuitable).toBeUndefined()
  expect(measures.sizes).toMatchObject({ median: 100, different: 1 })
  await dataset.close()
})

test('dim images of 16 bits are unsuitable if all 65,536 values are shown, and suitable by the automatic range', async () => {
  const dim = (index: number) =>
    sharp(
      Uint16Array.from({ length: 100 * 100 }, (_, i) => (i * (index + 7)) % 250),
      {
        raw: { width: 100, height: 100, channels: 1 },
      },
    )
      .toColourspace('grey16')
      .png()
      .toBuffer()
  const path = await written('dim', 4, dim)
  const range = { any: { low: [0], high: [65_535] } }
  const dataset = await openImages(path, { reading: { range } })
  const { unsuitable } = await checkImages(dataset)
  expect(unsuitable).toMatch(
    /100 % of 4 images in a sample are blank .*; files with more than 8 bits often use/,
  )
  await dataset.close()
  const stretched = await openImages(path)
  expect((await checkImages(stretched)).unsuitable).toBeUndefined()
  await stretched.close()
})

test('the time for reading is bounded, and images in memory are checked too', async () => {
  const path = await written('many', 40, (index) => scene(index).jpeg().toBuffer())
  const dataset = await openImages(path)
  const { measures } = await checkImages(dataset, { seconds: 0 })
  expect(measures.looked).toBeGreaterThan(0)
  expect(measures.looked).toBeLessThan(40)
  expect((await checkImages(dataset)).unsuitable).toBeUndefined()
  await dataset.close()
  expect((await checkImages(shapes({ size: 16, count: 60 }))).unsuitable).toBeUndefined()
})
