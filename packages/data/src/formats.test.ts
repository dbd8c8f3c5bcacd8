import { readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type HostBatch, type ImageDataset, SelfsupError } from '@selfsup/core'
import { beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../../../tooling/vitest/temporary-folder.js'
import { madeImage, writeFiles } from './made-images.js'
import { openImages } from './open-images.js'

let folder: string
beforeAll(async () => {
  folder = temporaryFolder()
})

async function allOf(dataset: ImageDataset): Promise<HostBatch> {
  for await (const batch of dataset.batches({ batchSize: dataset.length })) return batch
  throw new Error('no batch')
}

async function refused(source: string, message: string, options = {}) {
  const opened = openImages(source, options)
  await expect(opened).rejects.toThrow(message)
  await expect(opened).rejects.toBeInstanceOf(SelfsupError)
}

describe('IDX (MNIST)', () => {
  const idx = (dimensions: number[], values: number[]) => {
    const head = Buffer.alloc(4 + 4 * dimensions.length)
    head.writeUInt32BE(0x0800 + dimensions.length)
    for (const [i, n] of dimensions.entries()) head.writeUInt32BE(n, 4 + 4 * i)
    return Buffer.concat([head, Buffer.from(values)])
  }
  const images = idx([2, 2, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
  const labels = idx([2], [0, 4])

  it.each([
    ['plain', (bytes: Buffer) => bytes, ''],
    ['gzipped', gzipSync, '.gz'],
  ])('%s, from the folder or the file', async (kind, pack, ending) => {
    const path = join(folder, `mnist-${kind}`)
    await writeFiles(path, {
      [`train-images-idx3-ubyte${ending}`]: pack(images),
      [`train-labels-idx1-ubyte${ending}`]: pack(labels),
      [`t10k-images-idx3-ubyte${ending}`]: pack(idx([1, 1, 2], [9, 9])),
    })
    for (const source of [path, join(path, `train-images-idx3-ubyte${ending}`)]) {
      const dataset = await openImages(source)
      expect(dataset).toMatchObject({ length: 2, channels: 1, imageSize: [2, 3] })
      expect(dataset.classes).toEqual(['0', '1', '2', '3', '4'])
      const batch = await allOf(dataset)
      expect(batch.images!.shape).toEqual([2, 2, 3, 1])
      expect([...batch.images!.data]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
      expect([...batch.labels]).toEqual([0, 4])
    }
    const test = await openImages(path, { split: 'test' })
    expect([test.length, test.labels()]).toEqual([1, undefined])
  })

  it.each<[string, Record<string, Buffer>, string]>([
    ['truncated', { 'train-images-idx3-ubyte': images.subarray(0, -1) }, 'truncated; 11 of 12 bytes'],
    [
      'not IDX',
      { 'train-images-idx3-ubyte': Buffer.from('hello, this is text') },
      'is not an IDX file of images',
    ],
    [
      'a damaged gzip file',
      { 'train-images-idx3-ubyte.gz': gzipSync(images).subarray(0, 20) },
      'damaged gzip',
    ],
    [
      'too few labels',
      { 'train-images-idx3-ubyte': images, 'train-labels-idx1-ubyte': idx([1], [0]) },
      'expected 2 labels, one per image; got 1',
    ],
    [
      'the other part only',
      { 't10k-images-idx3-ubyte': images },
      'found no IDX file of images for split train',
    ],
  ])('rejects a file that is %s', async (kind, files, message) => {
    const path = join(folder, `mnist ${kind}`)
    await writeFiles(path, files)
    await refused(path, message)
  })
})

describe('CIFAR', () => {
  /** Pixels whose value depends on channel and position. */
  const planes = (shift: number) =>
    Buffer.from(
      Array.from({ length: 3072 }, (_, i) => (Math.floor(i / 1024) * 80 + (i % 1024) + shift) & 255),
    )

  it('reads all pixels of all CIFAR-10 batches of a split', async () => {
    const path = join(folder, 'cifar-10')
    await writeFiles(path, {
      'data_batch_1.bin': Buffer.concat([Buffer.from([3]), planes(0)]),
      'data_batch_2.bin': Buffer.concat([Buffer.from([1]), planes(5)]),
      'test_batch.bin': Buffer.concat([Buffer.from([2]), planes(9)]),
      'batches.meta.txt': 'plane\ncar\nbird\ncat\n\n',
    })
    const dataset = await openImages(path)
    expect(dataset).toMatchObject({ length: 2, channels: 3, imageSize: [32, 32] })
    expect(dataset.classes).toEqual(['plane', 'car', 'bird', 'cat'])
    const batch = await allOf(dataset)
    expect([...batch.labels]).toEqual([3, 1])
    expect([...batch.images!.data.subarray(0, 6)]).toEqual([0, 80, 160, 1, 81, 161])
    expect([...batch.images!.data.subarray(3072, 3075)]).toEqual([5, 85, 165])
    expect((await openImages(path, { split: 'test' })).length).toBe(1)
    expect((await openImages(join(path, 'data_batch_2.bin'))).length).toBe(1)
  })

  it('reads the fine labels of CIFAR-100', async () => {
    const path = join(folder, 'cifar-100')
    await writeFiles(path, { 'train.bin': Buffer.concat([Buffer.from([1, 7]), planes(0)]) })
    const dataset = await openImages(path)
    expect([...dataset.labels()!]).toEqual([7])
    expect(dataset.classes).toHaveLength(8)
  })

  it('reports a damaged or missing batch', async () => {
    const path = join(folder, 'cifar-bad')
    await writeFiles(path, { 'data_batch_1.bin': planes(0) })
    await refused(path, 'data_batch_1.bin: 3072 bytes is not a whole number of CIFAR records')
    await refused(path, 'no CIFAR batches for split test', { split: 'test' })
  })
})

describe('tar', () => {
  /** A tar entry in POSIX ustar format. */
  const entry = (name: string, content: Buffer | string, type = '0', prefix = '') => {
    const bytes = Buffer.from(content)
    const head = Buffer.alloc(512)
    head.write(name, 0, 100)
    head.write('0000644\0', 100)
    head.write(`${bytes.length.toString(8).padStart(11, '0')}\0`, 124)
    head.write('        ', 148)
    head.write(type, 156)
    head.write('ustar\x0000', 257, 'latin1')
    head.write(prefix, 345, 155)
    const sum = head.reduce((total, byte) => total + byte, 0)
    head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
    return Buffer.concat([head, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)])
  }
  const end = Buffer.alloc(1024)
  const pax = (path: string) => {
    const record = ` path=${path}\n`
    let length = Buffer.byteLength(record)
    while (String(length).length + Buffer.byteLength(record) !== length)
      length = String(length).length + Buffer.byteLength(record)
    return entry('PaxHeader', `${length}${record}`, 'x')
  }
  const jpeg = (number: number) => madeImage(number).jpeg().toBuffer()
  const open = (path: string) => openImages(path, { cacheFolder: join(folder, 'cache') })

  it('reads labels from .cls and .json before or after the image', async () => {
    const tar = [
      entry('a/', '', '5'),
      entry('a/1.cls', '2\n'),
      entry('a/1.jpg', await jpeg(1)),
      entry('a/2.jpg', await jpeg(2)),
      entry('a/2.json', '{"label": 1}'),
      entry('a/3.jpg', await jpeg(3)),
      entry('a/3.txt', 'a caption'),
      entry('a/._3.jpg', 'litter'),
      end,
    ]
    await writeFiles(folder, { 'labels.tar': Buffer.concat(tar) })
    const dataset = await open(join(folder, 'labels.tar'))
    expect([...dataset.labels()!]).toEqual([2, 1, -1])
    expect(dataset.pathOf!(1)).toBe(`${join(folder, 'labels.tar')}:a/2.jpg`)
    const batch = await allOf(dataset)
    expect(batch.images!.shape).toEqual([3, 16, 16, 3])
    await dataset.close()
  })

  it('reads several shards in order, and reports a missing one', async () => {
    await writeFiles(folder, {
      'shard-08.tar': Buffer.concat([entry('x.jpg', await jpeg(1)), entry('x.cls', '0'), end]),
      'shard-09.tar': Buffer.concat([entry('x.jpg', await jpeg(2)), entry('x.cls', '1'), end]),
      'shard-10.tar': Buffer.concat([entry('x.jpg', await jpeg(3)), entry('x.cls', '0')]),
    })
    const dataset = await open(join(folder, 'shard-{08..10}.tar'))
    expect([...dataset.labels()!]).toEqual([0, 1, 0])
    await dataset.close()
    await refused(join(folder, 'shard-{08..11}.tar'), 'shard-11.tar does not exist')
  })

  it('reads long names in POSIX prefix, pax and GNU form', async () => {
    const long = `${'folder/'.repeat(20)}image.jpg`
    const tar = [
      entry('image.jpg', await jpeg(1), '0', 'far/away'),
      pax(`pax/${long}`),
      entry('short.jpg', await jpeg(2)),
      entry('././@LongLink', `gnu/${long}\0`, 'L'),
      entry('gnu/fol', await jpeg(3)),
      entry('last.jpg', await jpeg(4)),
      end,
    ]
    await writeFiles(folder, { 'long.tar': Buffer.concat(tar) })
    const dataset = await open(join(folder, 'long.tar'))
    const names = [0, 1, 2, 3].map((i) => dataset.pathOf!(i).split('.tar:')[1])
    await dataset.close()
    expect(names).toEqual(['far/away/image.jpg', `pax/${long}`, `gnu/${long}`, 'last.jpg'])
  })

  it.runIf(process.platform === 'linux')('is closed when its small images are in the cache', async () => {
    await writeFiles(folder, { 'closed.tar': Buffer.concat([entry('x.jpg', await jpeg(1)), end]) })
    await open(join(folder, 'closed.tar'))
    const descriptors = await readdir('/proc/self/fd')
    const paths = await Promise.all(descriptors.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')))
    expect(paths.filter((path) => path.endsWith('closed.tar'))).toEqual([])
  })

  it('reports a tar that is truncated, damaged, empty or missing', async () => {
    const whole = entry('a.jpg', await jpeg(1))
    await writeFiles(folder, {
      'cut.tar': whole.subarray(0, 700),
      'text.tar': 'x'.repeat(2000),
      'empty.tar': end,
    })
    await refused(join(folder, 'cut.tar'), 'truncated at byte 0: the file of')
    await refused(join(folder, 'text.tar'), 'not a tar file, or damaged at byte 0')
    await refused(join(folder, 'empty.tar'), 'no images found; looked for files ending in')
    await refused(join(folder, 'missing.tar'), 'missing.tar does not exist')
  })
})
