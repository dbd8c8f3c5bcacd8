import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../tooling/vitest/temporary-folder.js'
import { madeImage, writeFiles } from './made-images.js'
import { streamImages } from './stream-images.js'

test('decodes small images of a folder, or of a list of files, only when they are read', async () => {
  const folder = temporaryFolder()
  const png = (number: number) => madeImage(number).png().toBuffer()
  await writeFiles(folder, { 'a.png': await png(1), 'b.png': 'not an image', 'c.png': await png(3) })
  const dataset = await streamImages(folder)
  const read = async (order: Uint32Array) => {
    for await (const { images, indices } of dataset.batches({ batchSize: 8, order, size: 16 }))
      return { shape: images!.shape, indices: [...indices] }
  }
  expect(await read(Uint32Array.of(2, 0))).toEqual({ shape: [2, 16, 16, 3], indices: [2, 0] })
  expect(dataset.skipped()).toEqual([]) // b.png was not read
  expect(await read(Uint32Array.of(0, 1))).toEqual({ shape: [1, 16, 16, 3], indices: [0] })
  expect(dataset.skipped().map(({ path }) => path)).toEqual([join(folder, 'b.png')])

  const named = await streamImages([join(folder, 'c.png')])
  expect([named.name, named.length, named.pathOf!(0)]).toEqual(['c.png', 1, join(folder, 'c.png')])
  await expect(streamImages([join(folder, 'd.png')])).rejects.toThrow(
    'd.png does not exist; pass an image file',
  )
  await expect(streamImages([folder])).rejects.toThrow('is not a file')
  expect((await streamImages('shapes', { count: 3 })).length).toBe(3)
})
