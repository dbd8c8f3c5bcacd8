import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { SelfsupError } from '@selfsup/core'
import sharp from 'sharp'
import { beforeAll, describe, expect, it, test } from 'vitest'
import { temporaryFolder } from '../../../tooling/vitest/temporary-folder.js'
import { decode, measure } from './decode.js'
import { imageHeader } from './image-header.js'
import { madeImage, writeFiles } from './made-images.js'
import { madeTiff } from './made-tiff.js'
import { memoryBudget } from './memory-budget.js'
import { openImages } from './open-images.js'
import { readFeatures } from './read-features.js'
import { sampleImages } from './sample-images.js'
import { streamImages } from './stream-images.js'

let folder: string
beforeAll(async () => {
  folder = temporaryFolder()
})

async function refused(work: Promise<unknown>, message: string | RegExp) {
  await expect(work).rejects.toThrow(message)
  await expect(work).rejects.toBeInstanceOf(SelfsupError)
}

describe('tar', () => {
  /** A tar entry with a given size field and a valid checksum. */
  const entry = (name: string, content: Buffer | string, { size, type = '0' }: Entry = {}) => {
    const bytes = Buffer.from(content)
    const head = Buffer.alloc(512)
    head.write(name, 0, 100)
    head.write('0000644\0', 100)
    if (Buffer.isBuffer(size)) size.copy(head, 124)
    else head.write(size ?? `${bytes.length.toString(8).padStart(11, '0')}\0`, 124, 12, 'latin1')
    head.write('        ', 148)
    head.write(type, 156)
    head.write('ustar\x0000', 257, 'latin1')
    const sum = head.reduce((total, byte) => total + byte, 0)
    head.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
    return Buffer.concat([head, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)])
  }
  interface Entry {
    readonly size?: string | Buffer
    readonly type?: string
  }
  const base256 = (size: bigint) => {
    const field = Buffer.alloc(12)
    field.writeBigInt64BE(size, 4)
    field.fill(size < 0n ? 0xff : 0, 0, 4)
    field[0]! |= 0x80
    return field
  }
  const end = Buffer.alloc(1024)
  const jpeg = () => madeImage(1).jpeg().toBuffer()
  const open = async (name: string, ...parts: Buffer[]) => {
    await writeFiles(folder, { [name]: Buffer.concat(parts) })
    return openImages(join(folder, name), { cacheFolder: join(folder, 'cache') })
  }
  const lengthOf = async (name: string, ...parts: Buffer[]) => {
    const dataset = await open(name, ...parts)
    await dataset.close()
    return dataset.length
  }

  test.each([
    ['octal', '-0000001000\0'],
    ['base 256', base256(-1024n)],
    ['none', 'no number!!\0'],
  ])('rejects a size that is negative or not a number (%s)', async (kind, size) => {
    const image = await jpeg()
    await refused(
      open(`negative ${kind}.tar`, entry('a.jpg', image), entry('b.jpg', image, { size }), end),
      /damaged at byte \d+: the size is missing or negative/,
    )
  })

  it('rejects a base-256 size beyond the end of the file or beyond the safe integers', async () => {
    await refused(
      open('large.tar', entry('a.jpg', await jpeg(), { size: base256(2n ** 40n) }), end),
      'extends beyond',
    )
    const endless = Buffer.alloc(12, 0x7f)
    endless[0] = 0x80
    await refused(open('endless.tar', entry('a.jpg', await jpeg(), { size: endless }), end), 'safe integer')
  })

  it('reads base-256 and pax sizes, and finds the files after them', async () => {
    const image = await jpeg()
    const others = Array.from({ length: 8 }, (_, i) => entry(`${i}.jpg`, image))
    const big = entry('big.jpg', image, { size: base256(BigInt(image.length)) })
    expect(await lengthOf('base256.tar', big, ...others, end)).toBe(9)
    const record = ` size=${image.length}\n`
    const pax = entry('PaxHeader', `${record.length + 2}${record}`, { type: 'x' })
    const zero = entry('big.jpg', image, { size: '00000000000\0' })
    expect(await lengthOf('pax.tar', pax, zero, ...others, end)).toBe(9)
  })

  it("reads the formats that Python's tarfile writes", async () => {
    const image = await jpeg()
    await writeFiles(folder, { 'from-python.jpg': image })
    const script = `
import tarfile, sys
for format, name in [(tarfile.GNU_FORMAT, 'gnu'), (tarfile.PAX_FORMAT, 'pax'), (tarfile.USTAR_FORMAT, 'ustar')]:
    with tarfile.open(sys.argv[1] + '/python-' + name + '.tar', 'w', format=format) as tar:
        for i in range(3):
            tar.add(sys.argv[1] + '/from-python.jpg', ('deep/' * 15 + 'ü%d.jpg') % i)`
    try {
      execFileSync('python3', ['-c', script, folder], { stdio: 'ignore' })
    } catch {
      return // Python is not installed
    }
    for (const kind of ['gnu', 'pax', 'ustar']) {
      const dataset = await openImages(join(folder, `python-${kind}.tar`), {
        cacheFolder: join(folder, 'cache'),
      })
      expect(dataset.length).toBe(3)
      expect(dataset.pathOf!(2)).toContain(`${'deep/'.repeat(15)}ü2.jpg`)
      await dataset.close()
    }
  })

  it('rejects a tar that is truncated within a file or header', async () => {
    const image = await jpeg()
    const [first, second] = [entry('a.jpg', image), entry('b.jpg', image)]
    for (const bytes of [1, 100, 511, 512, 600])
      await refused(
        open('cut.tar', first, second.subarray(0, bytes)),
        `truncated at byte ${first.length}: ${bytes < 512 ? 'the header is incomplete' : 'the file of'}`,
      )
  })

  it('rejects an implausibly large class number', async () => {
    await refused(
      open('classes.tar', entry('a.jpg', await jpeg()), entry('a.cls', '2000000000'), end),
      'classes.tar:a.cls: the class number must be from 0 to 1048575; got 2000000000',
    )
  })

  it('does not read an empty .cls or JSON without a number as class 0', async () => {
    const image = await jpeg()
    const parts = ['', 'null', '{"label": []}', '{"label": null}'].flatMap((content, i) => [
      entry(`${i}.jpg`, image),
      entry(`${i}.${i === 0 ? 'cls' : 'json'}`, content),
    ])
    const dataset = await open('no-classes.tar', ...parts, end)
    expect(dataset.labels()).toBeUndefined()
    await dataset.close()
  })

  it('rejects a very long name and a very large range', async () => {
    await refused(
      open('long.tar', entry('x', Buffer.alloc(2 ** 21), { type: 'L' }), entry('a.jpg', await jpeg()), end),
      'names and attributes have 2097152 bytes',
    )
    await refused(openImages(join(folder, 'a-{0..2000000000}.tar')), 'at most 100000 files')
    await refused(openImages(join(folder, 'a-{9..1}.tar')), 'must count upwards')
  })
})

describe('images', () => {
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="20000" height="20000"><filter id="f"><feTurbulence baseFrequency="0.05" numOctaves="200"/></filter><rect width="20000" height="20000" filter="url(#f)"/></svg>'

  test.each([
    ['SVG', svg],
    ['SVG behind an XML declaration', `<?xml version="1.0"?>\n${svg}`],
    ['SVG in gzip', gzipSync(svg)],
    ['PDF', '%PDF-1.4\n1 0 obj\n<<>>\nendobj\n'],
  ])('rejects %s under any file name', async (kind, content) => {
    const path = join(folder, kind)
    await writeFiles(path, { 'a.jpg': content, 'b.jpg': await madeImage(2).jpeg().toBuffer() })
    const started = performance.now()
    const dataset = await openImages(path, { cacheFolder: join(folder, 'cache') })
    expect(dataset.skipped()).toEqual([{ path: join(path, 'a.jpg'), reason: 'not a supported image file' }])
    const stream = await streamImages(path)
    let count = 0
    for await (const { indices } of stream.batches({ batchSize: 2, size: 8 })) count += indices.length
    expect(count).toBe(1)
    expect((await sampleImages(path)).unreadable).toHaveLength(1)
    await expect(measure(Buffer.from(content))).rejects.toThrow('not a supported image')
    expect(performance.now() - started).toBeLessThan(10_000)
  })

  test.each(['jpeg', 'png', 'webp', 'avif', 'gif', 'tiff'] as const)(
    '%s is known by its first bytes',
    async (format) => {
      const file = await madeImage(3, 24, 20).toFormat(format).toBuffer()
      expect(await imageHeader(file)).toMatchObject({ width: 24, height: 20 })
      expect(await decode(file, 3)).toMatchObject({ width: 24, height: 20 })
    },
  )

  it('reads the same values from a PNG header as sharp', async () => {
    for (const make of [
      sharp({ create: { width: 7, height: 5, channels: 4, background: '#12345678' } }).png(),
      sharp({ create: { width: 7, height: 5, channels: 3, background: '#123' } })
        .toColourspace('rgb16')
        .png(),
      madeImage(1, 7, 5).toColourspace('b-w').png(),
    ]) {
      const file = await make.toBuffer()
      const { width, height, channels, depth } = await sharp(file).metadata()
      expect(await imageHeader(file)).toEqual({
        width,
        height,
        bytesPerPixel: channels! * (depth === 'ushort' ? 2 : 1),
      })
    }
  })

  describe('TIFF', () => {
    /** A TIFF of 40 x 30 pixels in one strip, with another value of a tag. */
    const tiff = (changes: Readonly<Record<number, number>>) => {
      const file = madeTiff(
        Uint8Array.from({ length: 40 * 30 * 3 }, (_, i) => i % 251),
        [30, 40, 3],
        { colour: true },
      )
      for (let at = 10; at < 10 + file.readUInt16LE(8) * 12; at += 12) {
        const changed = changes[file.readUInt16LE(at)]
        if (changed !== undefined) file.writeUInt32LE(changed, at + 8)
      }
      return file
    }
    const read = async (name: string, file: Buffer, tile?: number) => {
      await writeFiles(folder, { [`${name}/a.tif`]: file, [`${name}/b.tif`]: tiff({}) })
      const dataset = await openImages(join(folder, name), {
        cacheFolder: join(folder, 'cache'),
        reading: { tile },
      })
      let count = 0
      for await (const { indices } of dataset.batches({ batchSize: 64, size: 8 })) count += indices.length
      await dataset.close()
      return { count, skipped: dataset.skipped() }
    }

    // libtiff reads missing strips as black.
    test.each([
      ['a strip beyond the end of the file', { 273: 0x7fff_ff00 }],
      ['a strip that is cut off', { 273: 1000 }],
      ['fewer strips than its height needs', { 257: 1_048_600 }],
    ])('rejects %s', async (name, changes) => {
      for (const tile of [undefined, 4]) {
        const { count, skipped } = await read(name, tiff(changes), tile)
        expect(count).toBe(tile ? 10 * 8 : 1)
        expect(skipped.map(({ reason }) => reason)).toEqual(['truncated or damaged'])
      }
    })
  })

  it('does not try all of a million tiles of an image that cannot be decoded', async () => {
    const noise = Buffer.from(Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * i * 7) % 256))
    const png = await sharp(noise, { raw: { width: 64, height: 64, channels: 3 } })
      .png()
      .toBuffer()
    await writeFiles(folder, { 'cut/a.png': png.subarray(0, png.length / 2) })
    const dataset = await streamImages(join(folder, 'cut'), { reading: { tile: 4 } })
    for await (const _ of dataset.batches({ batchSize: 64, size: 4 }));
    await dataset.close()
    const reasons = dataset.skipped().map(({ reason }) => reason)
    const tried = reasons.filter((reason) => !reason.includes('like the other tiles'))
    expect(tried.length).toBeGreaterThan(0)
    expect(tried.length).toBeLessThan(64) // 16, and those that are being decoded meanwhile
    expect(reasons.at(-1)).toBe('truncated or damaged, like the other tiles of its page')
  })

  it('rejects a header with too many pixels without decoding', async () => {
    const file = await madeImage(1).png().toBuffer()
    file.writeUInt32BE(60_000, 16)
    file.writeUInt32BE(60_000, 20)
    await refused(decode(file, 3), 'more pixels than can be decoded')
  })
})

describe('memory budget', () => {
  it('concurrent tasks stay within the budget and start in order; a larger task runs alone', async () => {
    const budget = memoryBudget(100)
    let [used, most] = [0, 0]
    const order: number[] = []
    const sizes = [60, 30, 30, 1000, 10, 50, 50, 20]
    await Promise.all(
      sizes.map((bytes, i) =>
        budget(bytes, async () => {
          order.push(i)
          used += bytes
          if (bytes <= 100) most = Math.max(most, used)
          else expect(used).toBe(bytes)
          await new Promise((done) => setTimeout(done, 5))
          used -= bytes
        }),
      ),
    )
    expect(order).toEqual([...sizes.keys()])
    expect(most).toBeLessThanOrEqual(100)
    expect(most).toBeGreaterThan(60) // concurrent, not sequential
  })

  it('releases the memory of failed tasks, and rejects a task above the limit', async () => {
    const budget = memoryBudget(10, 1000)
    for (let i = 0; i < 3; i++)
      await expect(
        budget(10, async () => {
          throw new Error('broken')
        }),
      ).rejects.toThrow('broken')
    expect(await budget(10, async () => 'done')).toBe('done')
    await refused(
      budget(1001, async () => {}),
      'of memory',
    )
  })
})

describe('IDX and CIFAR', () => {
  const idx = (dimensions: number[], values: Buffer) => {
    const head = Buffer.alloc(4 + 4 * dimensions.length)
    head.writeUInt32BE(0x0800 + dimensions.length)
    for (const [i, n] of dimensions.entries()) head.writeUInt32BE(n, 4 + 4 * i)
    return Buffer.concat([head, values])
  }
  const [longer, most] = [Buffer.alloc(13), 0xffffffff]

  test.each<[string, string, Buffer, string]>([
    ['no images', '', idx([0, 28, 28], Buffer.alloc(0)), 'empty; its dimensions are 0 x 28 x 28'],
    ['images of no pixels', '', idx([5, 0, 28], Buffer.alloc(0)), 'empty'],
    ['sizes beyond the file', '', idx([1000, 28, 28], Buffer.alloc(12)), 'truncated; 12 of 784000 bytes'],
    [
      'sizes beyond all memory',
      '',
      idx([most, most, most], Buffer.alloc(12)),
      'at most 4294967296 are supported',
    ],
    ['more than its sizes', '', idx([1, 3, 4], longer), 'longer than the 12 bytes'],
    ['more than its sizes, gzipped', '.gz', gzipSync(idx([1, 3, 4], longer)), 'longer than the 12 bytes'],
    ['a truncated header', '', idx([1, 3, 4], longer).subarray(0, 10), 'is not an IDX file of images'],
    ['a truncated header, gzipped', '.gz', gzipSync(Buffer.alloc(3)), 'is not an IDX file of images'],
  ])('rejects an IDX file with %s', async (kind, ending, file, message) => {
    await writeFiles(join(folder, kind), { [`train-images-idx3-ubyte${ending}`]: file })
    await refused(openImages(join(folder, kind)), message)
  })

  it('stops unpacking a gzip file that is far longer than its header says', async () => {
    const bomb = gzipSync(idx([1, 2, 2], Buffer.alloc(2 ** 28)))
    await writeFiles(join(folder, 'bomb'), { 'train-images-idx3-ubyte.gz': bomb })
    const before = process.memoryUsage().rss
    await refused(openImages(join(folder, 'bomb')), 'longer than the 4 bytes')
    expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 27)
  })

  it('rejects a CIFAR label without a class name', async () => {
    const record = Buffer.alloc(3073)
    record[0] = 200
    await writeFiles(join(folder, 'cifar'), {
      'data_batch_1.bin': record,
      'batches.meta.txt': 'plane\ncar\n',
    })
    await refused(
      openImages(join(folder, 'cifar')),
      'an image has class 200, but batches.meta.txt has 2 class names',
    )
  })

  it.runIf(process.platform !== 'win32')('rejects a named pipe without waiting', async () => {
    await writeFiles(join(folder, 'pipes'), { note: '' })
    const paths = ['train-images-idx3-ubyte', 'x.tar', 'x.npy'].map((name) => join(folder, 'pipes', name))
    execFileSync('mkfifo', paths)
    await refused(openImages(paths[0]!), 'is not a regular file')
    await refused(openImages(paths[1]!), 'is not a regular file')
    await refused(readFeatures(paths[2]!), 'is not a regular file')
  })
})

describe('NumPy arrays', () => {
  const npy = (description: string, data = Buffer.alloc(24), version = 1) => {
    const head = Buffer.from(`\x93NUMPY${String.fromCharCode(version)}\0`, 'latin1')
    const length = Buffer.alloc(version === 1 ? 2 : 4)
    length.writeUIntLE(description.length, 0, length.length)
    return Buffer.concat([head, length, Buffer.from(description, 'latin1'), data])
  }
  const array = (shape: string, { type = '<f4', fortran = 'False' } = {}) =>
    `{'descr': '${type}', 'fortran_order': ${fortran}, 'shape': (${shape}), }`

  test.each<[string, Buffer, string]>([
    ['fewer numbers than its shape', npy(array('3, 4')), '3 x 4 numbers, 48 bytes; it is too short'],
    ['more numbers than its shape', npy(array('1, 2')), '1 x 2 numbers, 8 bytes; it is too long'],
    ['a shape of terabytes', npy(array('1000000000, 1000000')), 'it is too short'],
    ['a shape beyond all numbers', npy(array(`${'9'.repeat(400)}, 2`)), 'it is too short'],
    ['a shape of 0', npy(array('0, 6')), 'contains no features'],
    ['a negative shape', npy(array('-2, -3')), 'it has a different shape'],
    ['one dimension', npy(array('6,')), 'it has a different shape'],
    ['three dimensions', npy(array('1, 2, 3')), 'it has a different shape'],
    ['no shape', npy("{'descr': '<f4', 'fortran_order': False}"), 'it has a different shape'],
    ['whole numbers', npy(array('2, 3', { type: '<i4' })), 'its type is <i4'],
    ['float16', npy(array('2, 6', { type: '<f2' })), 'its type is <f2'],
    ['big-endian floats', npy(array('2, 3', { type: '>f4' })), 'its type is >f4'],
    [
      'a type that is a name of every object',
      npy(array('2, 3', { type: 'constructor' })),
      'its type is constructor',
    ],
    ['Fortran order', npy(array('2, 3', { fortran: 'True' })), 'it is in Fortran order'],
    [
      'a header of gigabytes',
      npy('', Buffer.alloc(0), 2).fill(0xff, 8),
      'the length of its header is given as 4294967295 bytes',
    ],
    ['an unknown version', npy(array('2, 3'), undefined, 9), 'is not a NumPy array'],
  ])('are rejected with %s', async (kind, file, message) => {
    const name = `${kind}.npy`
    await writeFiles(folder, { [name]: file })
    await refused(readFeatures(join(folder, name)), message)
  })

  test.each([
    ['a list', '[]', 'must contain an object'],
    ['null', 'null', 'must contain an object'],
    ['labels that are a string', '{"labels": "ab"}', 'labels must be a list of numbers'],
    ['classes that are numbers', '{"classes": [1]}', 'classes must be a list of strings'],
    ['values that are lists of lists', '{"values": {"x": [[1], [2]]}}', 'values.x must be a list of numbers'],
  ])('are rejected if the .json file contains %s', async (kind, json, message) => {
    await writeFiles(folder, { [`json ${kind}.npy`]: npy(array('2, 3')), [`json ${kind}.json`]: json })
    await refused(readFeatures(join(folder, `json ${kind}.npy`)), message)
  })
})
