import { mkdir, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type HostBatch, type ImageDataset, SelfsupError } from '@selfsup/core'
import { beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../../../tooling/vitest/temporary-folder.js'
import { madeImage, writeFiles } from './made-images.js'
import { openImages } from './open-images.js'

let folder: string
let cacheFolder: string
let image: Buffer
beforeAll(async () => {
  folder = temporaryFolder()
  cacheFolder = join(folder, 'cache')
  image = await madeImage(1).jpeg().toBuffer()
})

async function allOf(dataset: ImageDataset): Promise<HostBatch> {
  for await (const batch of dataset.batches({ batchSize: dataset.length })) return batch
  throw new Error('no batch')
}

describe('reports what is wrong with the source', () => {
  it.each<[string, Record<string, string>, string]>([
    ['missing', {}, 'does not exist; pass a folder of images'],
    [
      'empty',
      { 'empty/.hidden': '' },
      'no images found; looked for jpg, jpeg, png, webp, avif, gif, tif, tiff, bmp, heic, heif, jxl, jp2, j2k, j2c, jpf, jpx, npy, dcm, dicom, nii, nii.gz, svs in it and its subfolders; it is empty',
    ],
    [
      'notes',
      { 'notes/a.txt': '', 'notes/b/c.txt': '', 'notes/README': '' },
      'found 2 .txt files, 1 file without an extension',
    ],
    ['single.jpg', { 'single.jpg': 'x' }, 'is a file of an unsupported type; pass a folder of'],
    [
      'words',
      { 'words/a.jpg': 'dear diary', 'words/b.jpg': '' },
      'none of 2 files could be read; the first:',
    ],
  ])('%s', async (name, files, message) => {
    await writeFiles(folder, files)
    const opened = openImages(join(folder, name), { cacheFolder, imageSize: 16 })
    await expect(opened).rejects.toThrow(message)
    await expect(opened).rejects.toBeInstanceOf(SelfsupError)
  })

  it('an unknown split', async () => {
    await expect(openImages('shapes', { split: 'validation' as 'test' })).rejects.toThrow('train or test')
  })
})

describe('folders', () => {
  it('without subfolders have no classes and are in the order of their names', async () => {
    const path = join(folder, 'flat')
    await writeFiles(path, { 'b.jpg': image, 'a.PNG': await madeImage(2).png().toBuffer(), 'c.txt': '' })
    const dataset = await openImages(path, { cacheFolder })
    expect(dataset).toMatchObject({ name: 'flat', length: 2, channels: 3, imageSize: [16, 16] })
    expect(dataset.labels()).toBeUndefined()
    expect([0, 1].map((i) => dataset.pathOf!(i))).toEqual([join(path, 'a.PNG'), join(path, 'b.jpg')])
    const { images, labels, indices } = await allOf(dataset)
    expect(Buffer.from(images!.data.subarray(0, 768))).toEqual(await madeImage(2).raw().toBuffer())
    expect([[...labels], [...indices]]).toEqual([
      [-1, -1],
      [0, 1],
    ])
  })

  it('with nested subfolders have classes, except images next to them; links to parents end', async () => {
    const path = join(folder, 'classes')
    await writeFiles(path, {
      'dog/x/1.jpg': image,
      'dog/2.jpg': image,
      'cat/3.jpg': image,
      '0.jpg': image,
    })
    await symlink(path, join(path, 'cat', 'loop'))
    const dataset = await openImages(path, { cacheFolder })
    expect(dataset.classes).toEqual(['cat', 'dog'])
    const labels = [...dataset.labels()!]
    const byPath = Object.fromEntries(labels.map((label, i) => [dataset.pathOf!(i), label]))
    expect(byPath[join(path, '0.jpg')]).toBe(-1)
    expect(byPath[join(path, 'cat/3.jpg')]).toBe(0)
    expect(byPath[join(path, 'dog/2.jpg')]).toBe(1)
    expect(byPath[join(path, 'dog/x/1.jpg')]).toBe(1)
    expect([...(await allOf(dataset)).labels]).toEqual(labels)
  })

  it('can contain a single image', async () => {
    const path = join(folder, 'one')
    await writeFiles(path, { 'a.jpg': image })
    const dataset = await openImages(path, { cacheFolder })
    expect(dataset.length).toBe(1)
    expect((await allOf(dataset)).images!.shape).toEqual([1, 16, 16, 3])
  })

  it('can contain every kind of file', async () => {
    const path = join(folder, 'kinds')
    const made = (number: number) => madeImage(number)
    await writeFiles(path, {
      'a.jpeg': await made(1).jpeg().toBuffer(),
      'b.png': await made(2).png().toBuffer(),
      'c.webp': await made(3).webp().toBuffer(),
      'd.avif': await made(4).avif({ effort: 0 }).toBuffer(),
      'e.gif': await made(5).gif().toBuffer(),
      'f.tiff': await made(6).tiff().toBuffer(),
      'g.tif': await made(7).tiff().toBuffer(),
    })
    const dataset = await openImages(path, { cacheFolder })
    expect(dataset.length).toBe(7)
    expect(dataset.skipped()).toEqual([])
  })

  it('that change while they are read: files that go are skipped with the reason, files that come are not read', async () => {
    const path = join(folder, 'changing')
    const large = await madeImage(1, 100).png().toBuffer()
    const names = ['a/1', 'a/2', 'a/3', 'b/4', 'b/5', 'b/6'].map((name) => `${name}.png`)
    await writeFiles(path, Object.fromEntries(names.map((name) => [name, large])))
    const dataset = await openImages(path, { cacheFolder })
    await rm(join(path, 'a/1.png'))
    await truncate(join(path, 'a/2.png'), 2000)
    await rm(join(path, 'b'), { recursive: true })
    await writeFiles(path, { 'b/4.png/inside.png': large, 'b/5.png': image, 'a/0.png': large })
    const indices: number[] = []
    for await (const batch of dataset.batches({ batchSize: 2, size: 16 })) indices.push(...batch.indices)
    expect(indices).toEqual([2, 4])
    expect(dataset.length).toBe(6)
    expect(dataset.skipped()).toEqual([
      { path: join(path, 'a/1.png'), reason: 'the file is gone', temporary: true },
      { path: join(path, 'a/2.png'), reason: 'truncated or damaged' },
      { path: join(path, 'b/4.png'), reason: 'a folder has taken the place of the file', temporary: true },
      { path: join(path, 'b/6.png'), reason: 'the file is gone', temporary: true },
    ])
    const again = await openImages(path, { cacheFolder })
    expect(again.length).toBe(5) // a/0, a/2, a/3, b/4.png/inside, b/5
    expect(again.fingerprint).not.toBe(dataset.fingerprint)
    await rm(path, { recursive: true })
    const crop = { size: 16, scale: [0.5, 1], ratio: [1, 1], stream: 0 } as const
    const views = again.batches({ batchSize: 5, crops: [crop], seedOf: () => [1, 2] })
    await expect(views[Symbol.asyncIterator]().next()).rejects.toThrow(
      /changing: found no readable image to replace .*: the file is gone/,
    )
    await expect(openImages(path, { cacheFolder })).rejects.toMatchObject({ code: 'not-found' })
  })

  it('with names that are not UTF-8 count those files', async () => {
    const path = join(folder, 'names')
    await writeFiles(path, { 'a.jpg': image, '\ufffd.jpg': image, 'b\n\u{1f431}.jpg': image })
    const latin = (name: string) => Buffer.concat([Buffer.from(`${path}/`), Buffer.from(name, 'latin1')])
    await writeFile(latin('gr\xfcn.jpg'), image)
    await mkdir(latin('stra\xdfe'))
    await symlink('nowhere', join(path, 'd.jpg'))
    const notes: string[] = []
    const dataset = await openImages(path, { cacheFolder, onNote: (text) => notes.push(text) })
    expect(dataset.length).toBe(3)
    expect(dataset.skipped()).toEqual([])
    expect(notes[0]).toMatch(/left out 1 link to missing files/)
    expect(notes[1]).toMatch(/left out 2 files or folders whose names are not UTF-8; rename them/)
  })

  it('skips and reports bad files, and keeps the labels of good ones', async () => {
    const path = join(folder, 'bad')
    await writeFiles(path, {
      'a/1.jpg': image,
      'a/2.jpg': 'dear diary',
      'b/3.jpg': image.subarray(0, -60),
      'b/4.jpg': image,
      'c/5.png': await madeImage(1, 1).png().toBuffer(),
      'c/6.png': await madeImage(1, 20).png().toBuffer(),
    })
    const dataset = await openImages(path, { cacheFolder, imageSize: 16 })
    const byBands = { cacheFolder, imageSize: 16, reading: { bands: [0, 1, 2] } }
    expect((await openImages(path, byBands)).skipped()).toEqual(dataset.skipped())
    expect([...dataset.labels()!]).toEqual([0, 1, 2])
    expect(dataset.pathOf!(1)).toBe(join(path, 'b/4.jpg'))
    const reports = [
      { path: join(path, 'a/2.jpg'), reason: 'not a supported image file' },
      { path: join(path, 'b/3.jpg'), reason: 'truncated or damaged' },
      { path: join(path, 'c/5.png'), reason: '1x1 pixels are too few' },
    ]
    expect(dataset.skipped()).toEqual(reports)
    const again = await openImages(path, { cacheFolder, imageSize: 16 })
    expect(again.skipped()).toEqual(reports)
    await expect(openImages(path, { cacheFolder, imageSize: 16, strict: true })).rejects.toThrow(
      `${join(path, 'a/2.jpg')}: not a supported image file`,
    )
    const elsewhere = { cacheFolder: join(folder, 'cache-of-the-strict'), imageSize: 16, strict: true }
    await expect(openImages(path, elsewhere)).rejects.toThrow(/(a\/2|b\/3|c\/5)\.\w+: /)
  })

  it('imageSize resizes the centre square', async () => {
    const path = join(folder, 'wide')
    const wide = Buffer.alloc(40 * 20 * 3)
    for (let i = 0; i < 40 * 20; i++) wide.fill(i % 40 < 10 || i % 40 >= 30 ? 255 : 60, 3 * i, 3 * i + 3)
    const sharp = (await import('sharp')).default
    const file = await sharp(wide, { raw: { width: 40, height: 20, channels: 3 } })
      .png()
      .toBuffer()
    await writeFiles(path, { 'a.png': file })
    const dataset = await openImages(path, { cacheFolder, imageSize: 10 })
    const { images } = await allOf(dataset)
    expect(images!.shape).toEqual([1, 10, 10, 3])
    expect(new Set(images!.data)).toEqual(new Set([60]))
  })

  it('channels: 1 returns grey images', async () => {
    const path = join(folder, 'grey')
    await writeFiles(path, { 'a.jpg': image })
    const dataset = await openImages(path, { cacheFolder, channels: 1 })
    expect((await allOf(dataset)).images!.shape).toEqual([1, 16, 16, 1])
  })

  it('does not cache images of different sizes or large ones', async () => {
    const path = join(folder, 'mixed')
    await mkdir(path)
    await writeFiles(path, { 'a.jpg': image, 'b.jpg': await madeImage(2, 20).jpeg().toBuffer() })
    const dataset = await openImages(path, { cacheFolder })
    expect(dataset.imageSize).toBeUndefined()
    expect(() => dataset.batches({ batchSize: 2 })[Symbol.asyncIterator]()).not.toThrow()
    await expect(allOf(dataset)).rejects.toThrow('batches of large images need crops and seedOf, or size')
  })
})
