import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../../tooling/vitest/temporary-folder.js'
import { madeImage, writeFiles } from './made-images.js'
import { openImages } from './open-images.js'
import { sampleDataset, sampleImages } from './sample-images.js'
import { shapes } from './shapes/shapes.js'

let folder: string

beforeAll(async () => {
  folder = temporaryFolder()
  const image = (number: number, width: number, height: number) => madeImage(number, width, height)
  const small = await Promise.all(
    Array.from(
      { length: 30 },
      async (_, i) => [`${i % 2}/${i}.png`, await image(i, 20, 20).png().toBuffer()] as const,
    ),
  )
  await writeFiles(folder, {
    ...Object.fromEntries(small.map(([name, file]) => [join('small', name), file])),
    'mixed/wide.jpg': await image(1, 200, 100).jpeg().toBuffer(),
    'mixed/turned.jpg': await image(2, 200, 100).withMetadata({ orientation: 6 }).jpeg().toBuffer(),
    'mixed/clear.png': await image(3, 90, 90).ensureAlpha(0.5).png().toBuffer(),
    'mixed/cmyk.jpg': await image(4, 90, 90).toColourspace('cmyk').jpeg().toBuffer(),
    'mixed/deep.png': await image(5, 90, 90).toColourspace('rgb16').png().toBuffer(),
    'mixed/grey.png': await image(6, 90, 90).toColourspace('b-w').png().toBuffer(),
    'mixed/text.jpg': 'this is text',
    'mixed/empty.png': '',
    'mixed/one.png': await image(7, 1, 1).png().toBuffer(),
    'mixed/cut.jpg': (await image(8, 300, 300).jpeg().toBuffer()).subarray(0, 20_000),
  })
})

describe('sampleImages', () => {
  test('returns all images if there are fewer than requested, equal to those of openImages', async () => {
    const sample = await sampleImages(join(folder, 'small'))
    expect(sample).toMatchObject({ count: 30, looked: 30, classes: ['0', '1'], unreadable: [] })
    expect(sample.images.shape).toEqual([30, 20, 20, 3])
    expect([...sample.indices]).toEqual(Array.from({ length: 30 }, (_, i) => i))
    const dataset = await openImages(join(folder, 'small'), { cacheFolder: join(folder, 'cache') })
    for await (const { images } of dataset.batches({ batchSize: 30 }))
      expect(sample.images.data).toEqual(images!.data)
    const { files, pathOf, ...rest } = sample
    expect(files).toHaveLength(30)
    expect(await sampleDataset(dataset)).toMatchObject(rest)
    await dataset.close()
  })

  test('draws the same images for the same seed, others for another seed, and each only once', async () => {
    const draw = async (seed: number) => [
      ...(await sampleImages(join(folder, 'small'), { count: 10, seed })).indices,
    ]
    const first = await draw(1)
    expect(first).toEqual(await draw(1))
    expect(first).not.toEqual(await draw(2))
    expect(new Set(first).size).toBe(10)
    expect(first).toEqual(first.toSorted((a, b) => a - b))
  })

  test('draws all positions with equal frequency', async () => {
    const counts = new Array(30).fill(0)
    for (let seed = 0; seed < 200; seed++)
      for (const index of (await sampleDataset(shapes({ size: 8, count: 30 }), { count: 10, seed })).indices)
        counts[index]++
    // Expected 66.7 of 200, with a standard deviation of 6.7.
    for (const count of counts) expect(Math.abs(count - 200 / 3)).toBeLessThan(4 * 6.7)
  })

  test('returns properties of all kinds of files, and reasons for unreadable ones', async () => {
    const { looked, images, files, sizes, unreadable, pathOf, indices } = await sampleImages(
      join(folder, 'mixed'),
    )
    expect(looked).toBe(10)
    expect(images.shape).toEqual([6, 64, 64, 3])
    const known = Object.fromEntries(
      [...indices].map((index, slot) => [pathOf!(index).split(/[\\/]/).at(-1), files![slot]]),
    )
    expect(known['turned.jpg']).toMatchObject({ width: 100, height: 200, format: 'jpeg' })
    expect(known['wide.jpg']).toMatchObject({
      width: 200,
      height: 100,
      bits: 8,
      transparent: false,
      pages: 1,
    })
    expect(known['clear.png']).toMatchObject({ transparent: true })
    expect(known['cmyk.jpg']).toMatchObject({ space: 'cmyk' })
    expect(known['deep.png']).toMatchObject({ bits: 16 })
    expect(known['grey.png']).toMatchObject({ space: 'b-w' })
    expect(sizes).toContainEqual([100, 200])
    const reasons = Object.fromEntries(
      unreadable.map(({ path, reason }) => [path.split(/[\\/]/).at(-1), reason]),
    )
    expect(reasons).toEqual({
      'text.jpg': 'not a supported image file',
      'empty.png': 'empty file',
      'one.png': '1x1 pixels are too few',
      'cut.jpg': 'truncated or damaged',
    })
  })

  test('returns centre squares of large images of an open dataset', async () => {
    const dataset = await openImages(join(folder, 'mixed'))
    const sample = await sampleDataset(dataset, { size: 32 })
    expect(sample.images.shape).toEqual([6, 32, 32, 3])
    expect(sample.unreadable).toHaveLength(4)
    await dataset.close()
  })

  test('checks its options, and throws the errors of openImages', async () => {
    await expect(sampleImages(folder, { count: 0 })).rejects.toThrow('count must be a whole number')
    await expect(sampleImages(folder, { size: 3 })).rejects.toThrow('size must be a whole number from 8')
    await expect(sampleImages(join(folder, 'none'))).rejects.toThrow('does not exist')
    await expect(sampleDataset(shapes({ count: 8 }), { count: 1.5 })).rejects.toThrow('count must be')
  })
})
