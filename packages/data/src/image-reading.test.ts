import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { earlierReading, type HostImages, type ImageDataset, uniforms } from '@selfsup/core'
import sharp from 'sharp'
import { Header } from 'tar/header'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { temporaryFolder } from '../../../tooling/vitest/temporary-folder.js'
import { madeImage, writeFiles } from './made-images.js'
import { madeTiff } from './made-tiff.js'
import { type OpenOptions, openImages } from './open-images.js'
import { packagesByExtension } from './reading/format.js'
import { MissingPackage } from './reading/optional-package.js'
import { imageFacts } from './reading/value-source.js'
import { sampleImages } from './sample-images.js'
import { streamImages } from './stream-images.js'

let folder: string
let notes: string[]
beforeEach(() => {
  folder = temporaryFolder()
  notes = []
})

async function open(files: Record<string, Buffer>, options: OpenOptions = {}): Promise<ImageDataset> {
  await writeFiles(join(folder, 'images'), files)
  return openImages(join(folder, 'images'), {
    cacheFolder: join(folder, 'cache'),
    onNote: (text) => notes.push(text),
    ...options,
  })
}

async function allOf(dataset: ImageDataset, size = 32): Promise<HostImages> {
  for await (const { images } of dataset.batches({ batchSize: dataset.length, size })) return images!
  throw new Error('no batch')
}

/** Values of `count` pixels from low to high, with noise. */
const noise = (count: number, low: number, high: number, seed = 1) =>
  Array.from(uniforms([seed, 5], count), (u) => low + u * (high - low))

const spreadOf = ({ data }: HostImages) => {
  const mean = data.reduce((sum, value) => sum + value, 0) / data.length
  return { mean, std: Math.sqrt(data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length) }
}

describe('microscopy: 12 bits in 16', () => {
  const files = () =>
    Object.fromEntries(
      [0, 1, 2].map((i) => [
        `${i}.tif`,
        madeTiff(Uint16Array.from(noise(32 * 32, 100, 1500, i)), [32, 32, 1]),
      ]),
    )

  it('is seen with its contrast, by a range measured on a sample and recorded', async () => {
    const dataset = await open(files())
    const { mean, std } = spreadOf(await allOf(dataset))
    expect(mean).toBeGreaterThan(110)
    expect(mean).toBeLessThan(145)
    expect(std).toBeGreaterThan(65) // uniform values have 73.6
    const { range } = dataset.reading as unknown as { range: { uint16: { low: number[]; high: number[] } } }
    expect(range.uint16.low[0]).toBeCloseTo(100, -1.3)
    expect(range.uint16.high[0]).toBeCloseTo(1500, -1.3)
    expect(notes.join()).toMatch(
      /uint16: 10\d\.?\d* to 149\d\.?\d* become 0 to 255 \(percentiles of 3 images\)/,
    )
  })

  it('is read in the same way by the recorded reading, whatever the other images contain', async () => {
    const first = await open(files())
    const again = await openImages(join(folder, 'images'), {
      reading: first.reading,
      cacheFolder: join(folder, 'cache'),
    })
    expect(again.fingerprint).toBe(first.fingerprint)
    await writeFiles(join(folder, 'other'), {
      '0.tif': Object.values(files())[0]!,
      '1.tif': madeTiff(Uint16Array.from(noise(32 * 32, 0, 60000)), [32, 32, 1]),
    })
    const other = await openImages(join(folder, 'other'), {
      reading: first.reading,
      cacheFolder: join(folder, 'cache'),
    })
    const [own, shared] = [await allOf(first), await allOf(other)]
    expect(shared.data.subarray(0, 32 * 32 * 3)).toEqual(own.data.subarray(0, 32 * 32 * 3))
  })

  it('was nearly black before runs recorded how images are read, and stays so for their runs', async () => {
    const dataset = await open(files(), { reading: earlierReading })
    expect(spreadOf(await allOf(dataset)).mean).toBeLessThan(6)
  })

  it('is seen by samples for advice', async () => {
    await open(files())
    const { images, files: facts } = await sampleImages(join(folder, 'images'))
    expect(spreadOf(images).std).toBeGreaterThan(65)
    expect(facts![0]).toMatchObject({ bits: 16, format: 'tiff' })
  })
})

it('float TIFF from 0 to 1 is read with its contrast', async () => {
  const dataset = await open({
    'a.tif': madeTiff(Float32Array.from(noise(32 * 32, 0, 1)), [32, 32, 1]),
    'b.tif': madeTiff(Float32Array.from(noise(32 * 32, 0, 1, 2)), [32, 32, 1]),
  })
  expect(spreadOf(await allOf(dataset)).std).toBeGreaterThan(65)
})

describe('satellite images', () => {
  const reflectance = (bands: number, seed = 1) => Uint16Array.from(noise(32 * 32 * bands, 0, 10000, seed))

  it('near infrared is not transparency; a note says that three of four bands are used', async () => {
    const values = reflectance(4)
    const dataset = await open({ 'a.tif': madeTiff(values, [32, 32, 4], { colour: true }) })
    const { data } = await allOf(dataset)
    // As if there were no fourth band.
    const without = await open(
      {
        'a.tif': madeTiff(
          values.filter((_, i) => i % 4 !== 3),
          [32, 32, 3],
          { colour: true },
        ),
      },
      { reading: dataset.reading },
    )
    expect(data).toEqual((await allOf(without)).data)
    expect(notes[0]).toMatch('Images have 4 bands, 0 to 3; bands 0, 1 and 2 are used as red, green and blue')
  })

  it('all 13 bands are channels, each with its own range', async () => {
    const values = reflectance(13).map((value, i) => Math.round((value * ((i % 13) + 1)) / 13))
    const dataset = await open({ 'a.tif': madeTiff(values, [32, 32, 13]) }, { reading: { bands: 'all' } })
    expect(dataset.channels).toBe(13)
    expect(dataset.reading!.bands).toEqual([...Array(13).keys()])
    const { data, shape } = await allOf(dataset)
    expect(shape).toEqual([1, 32, 32, 13])
    for (let band = 0; band < 13; band++) {
      const own = { data: data.filter((_, i) => i % 13 === band), shape } as HostImages
      expect(spreadOf(own).std).toBeGreaterThan(65)
    }
  })

  it('an image without the bands of the others is skipped with the reason', async () => {
    const files = Object.fromEntries(
      [0, 1, 2].map((i) => [`${i}.tif`, madeTiff(reflectance(5, i), [32, 32, 5])]),
    )
    const dataset = await open(
      { ...files, '3.tif': madeTiff(reflectance(2), [32, 32, 2]) },
      { reading: { bands: 'all' } },
    )
    await allOf(dataset)
    expect(dataset).toMatchObject({ channels: 5, length: 3 })
    expect(dataset.skipped()[0]!.reason).toMatch('it has 2 bands, 0 to 1; band 2 is to be used')
  })

  it('bands of large images are cropped and resized like colours', async () => {
    const rgb = Uint8Array.from(noise(120 * 110 * 3, 0, 255))
    const five = Uint16Array.from({ length: 120 * 110 * 5 }, (_, i) =>
      i % 5 < 3 ? rgb[Math.floor(i / 5) * 3 + (i % 5)]! * 257 : 0,
    )
    const colour = await open({
      'a.png': await sharp(rgb, { raw: { width: 110, height: 120, channels: 3 } })
        .png()
        .toBuffer(),
    })
    const crops = [{ size: 24, scale: [0.02, 0.1], ratio: [1, 1], stream: 0 }] as const
    const cropsOf = async (dataset: ImageDataset) => {
      for await (const batch of dataset.batches({ batchSize: 1, crops, seedOf: () => [3, 4] }))
        return batch.crops![0]!
      throw new Error('no batch')
    }
    const range = { any: { low: [0], high: [65535] } }
    await writeFiles(join(folder, 'bands'), { 'a.tif': madeTiff(five, [120, 110, 5]) })
    const bands = await openImages(join(folder, 'bands'), { reading: { bands: [0, 1, 2, 3], range } })
    const [three, four] = [await cropsOf(colour), await cropsOf(bands)]
    expect(four.shape).toEqual([1, 24, 24, 4])
    // Colours are reduced by libvips, other bands by the code that also enlarges; both are torchvision's antialiased resize.
    const off = four.data.filter((_, i) => i % 4 < 3).map((value, i) => Math.abs(value - three.data[i]!))
    expect(Math.max(...off)).toBeLessThanOrEqual(8)
    expect(off.reduce((sum, value) => sum + value, 0) / off.length).toBeLessThan(1)
    expect(Math.max(...four.data.filter((_, i) => i % 4 === 3))).toBe(0)
  })
})

describe('transparency', () => {
  const product = async (shade: number) => {
    const data = Buffer.alloc(40 * 40 * 4)
    for (let y = 10; y < 30; y++)
      for (let x = 10; x < 30; x++)
        data
          .fill(shade, (y * 40 + x) * 4, (y * 40 + x) * 4 + 3)
          .fill(255, (y * 40 + x) * 4 + 3, (y * 40 + x) * 4 + 4) // prettier-ignore
    return sharp(data, { raw: { width: 40, height: 40, channels: 4 } })
      .png()
      .toBuffer()
  }

  it('white products stay visible: they are shown on grey', async () => {
    const dataset = await open({ 'a.png': await product(255), 'b.png': await product(250) })
    const { data } = await allOf(dataset)
    expect([data[0], data[(20 * 40 + 20) * 3]]).toEqual([128, 255])
    expect(dataset.reading!.background).toBe('#808080')
    expect(notes.join()).toMatch(
      'The visible parts of 2 of 2 transparent images are white; transparency is shown as grey',
    )
  })

  it('other products are shown on white, as before', async () => {
    const dataset = await open({ 'a.png': await product(60) })
    const { data } = await allOf(dataset)
    expect([data[0], data[(20 * 40 + 20) * 3]]).toEqual([255, 60])
    const former = await openImages(join(folder, 'images'), {
      reading: earlierReading,
      cacheFolder: join(folder, 'cache'),
    })
    expect(dataset.fingerprint).toBe(former.fingerprint)
  })

  it('a chosen background', async () => {
    const dataset = await open({ 'a.png': await product(60) }, { reading: { background: '#0a141e' } })
    expect([...(await allOf(dataset)).data.subarray(0, 3)]).toEqual([10, 20, 30])
  })
})

it('8-bit images give the same bytes, cache and fingerprint as before runs recorded how images are read', async () => {
  const files = Object.fromEntries(
    await Promise.all(
      (['jpeg', 'png', 'webp', 'gif', 'tiff'] as const).map(
        async (format, i) =>
          [`${i}.${format}`, await madeImage(i, 120, 100).toFormat(format).toBuffer()] as const,
      ),
    ),
  )
  const now = await open(files)
  const before = await openImages(join(folder, 'images'), { reading: earlierReading })
  expect(now.fingerprint).toBe(before.fingerprint)
  expect((await allOf(now)).data).toEqual((await allOf(before)).data)
  expect(notes).toEqual([])
})

describe('mixed folders', () => {
  const bmp = () => {
    const file = Buffer.alloc(54 + 8 * 24)
    file.write('BM')
    file.writeUInt32LE(54, 10)
    file.writeUInt32LE(40, 14)
    file.writeInt32LE(8, 18)
    file.writeInt32LE(8, 22)
    file.writeUInt16LE(1, 26)
    file.writeUInt16LE(24, 28)
    return file.fill(99, 54)
  }

  it('BMP files are read with their package', async () => {
    const dataset = await open({ 'a.bmp': bmp(), 'b.png': await madeImage(1, 8).png().toBuffer() })
    expect(dataset).toMatchObject({ length: 2 })
    expect([...(await allOf(dataset, 8)).data.subarray(0, 3)]).toEqual([99, 99, 99])
  })

  it('without the package they are counted and named, with the package to install', async () => {
    const load = vi.spyOn(packagesByExtension.bmp!, 'load')
    load.mockRejectedValue(new MissingPackage('BMP', 'bmp-ts', undefined))
    try {
      const files = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`${i}.bmp`, bmp()]))
      const dataset = await open({ ...files, 'x.png': await madeImage(1, 8).png().toBuffer() })
      expect(dataset.length).toBe(1)
      expect(notes[0]).toMatch(
        /20 BMP files left out: the package bmp-ts is not installed; run: npm install bmp-ts$/,
      )
      await writeFiles(join(folder, 'only'), files)
      await expect(openImages(join(folder, 'only'))).rejects.toMatchObject({ code: 'package-missing' })
    } finally {
      load.mockRestore()
    }
  })

  it('files of other kinds are counted and named', async () => {
    await open({
      'a.psd': Buffer.from('x'),
      'b.psd': Buffer.from('x'),
      'c.png': await madeImage(1, 8).png().toBuffer(),
    })
    expect(notes[0]).toMatch('left out 2 .psd files (not images of a supported format)')
  })
})

describe('links', () => {
  it('a link to a folder of the same tree is not followed and does not count as a class', async () => {
    const file = await madeImage(1, 8).png().toBuffer()
    await writeFiles(join(folder, 'images'), { 'cats/a.png': file, 'dogs/b.png': file })
    await symlink('../images', join(folder, 'images', 'all'))
    await symlink('cats', join(folder, 'images', 'also-cats'))
    await symlink('dogs', join(folder, 'images', 'a-first'))
    const dataset = await openImages(join(folder, 'images'), { cacheFolder: join(folder, 'cache') })
    expect([dataset.length, dataset.classes]).toEqual([2, ['cats', 'dogs']])
  })

  it('a folder elsewhere that several links lead to is listed once, and loops through it end', async () => {
    const file = await madeImage(1, 8).png().toBuffer()
    await writeFiles(join(folder, 'elsewhere'), { 'a.png': file })
    await mkdir(join(folder, 'images'))
    await symlink(join(folder, 'elsewhere'), join(folder, 'images', 'one'))
    await symlink(join(folder, 'elsewhere'), join(folder, 'images', 'two'))
    await symlink(join(folder, 'images'), join(folder, 'elsewhere', 'back'))
    const dataset = await openImages(join(folder, 'images'), { cacheFolder: join(folder, 'cache') })
    expect([dataset.length, dataset.classes]).toEqual([1, ['one']])
  })
})

describe('tiles and pages', () => {
  const values = Uint16Array.from({ length: 40 * 100 }, (_, i) => (i % 100) * 100 + Math.floor(i / 100))
  const range = { any: { low: [0], high: [10000] } }

  it('tiles cover the image; the last ones are moved inwards; their paths say where they are', async () => {
    const dataset = await open(
      { 'cats/a.tif': madeTiff(values, [40, 100, 1]) },
      { reading: { tile: 32, range } },
    )
    const places = Array.from({ length: dataset.length }, (_, i) => dataset.partOf!(i).box)
    expect(places.map((box) => [box!.left, box!.top])).toEqual(
      [0, 8].flatMap((top) => [0, 32, 64, 68].map((left) => [left, top])),
    )
    expect(dataset.pathOf!(1)).toBe(`${join(folder, 'images', 'cats', 'a.tif')}#xywh=32,0,32,32`)
    expect([...dataset.labels()!]).toEqual(Array(8).fill(0))
    const { data } = await allOf(dataset)
    for (const [tile, box] of places.entries()) {
      const value = (box!.left + 3) * 100 + box!.top + 5
      expect(data[((tile * 32 + 5) * 32 + 3) * 3]).toBe(Math.floor((value / 10000) * 255 + 0.5))
    }
  })

  it('a tile is read again by its path', async () => {
    const dataset = await open({ 'a.tif': madeTiff(values, [40, 100, 1]) }, { reading: { tile: 32, range } })
    const one = await streamImages([dataset.pathOf!(5)], { reading: { range } })
    expect((await allOf(one)).data).toEqual(
      (await allOf(dataset)).data.subarray(5 * 32 * 32 * 3, 6 * 32 * 32 * 3),
    )
  })

  it('tiles of a slide (SVS: a tiled, JPEG-compressed TIFF with smaller versions) are read at full size', async () => {
    const whole = sharp(await madeImage(3, 160, 112).png().toBuffer())
    const options = { compression: 'jpeg', quality: 90, tile: true, tileWidth: 32, tileHeight: 32 } as const
    const slide = await whole.tiff({ ...options, pyramid: true }).toBuffer()
    const dataset = await open({ 'a.svs': slide }, { reading: { tile: 32 } })
    expect(dataset.length).toBe(5 * 4)
    const tiles = await allOf(dataset)
    const region = { left: 64, top: 32, width: 32, height: 32 }
    const wanted = await sharp(slide).extract(region).raw().toBuffer()
    expect(dataset.pathOf?.(7)).toMatch(/a\.svs#xywh=64,32,32,32$/)
    expect(Buffer.compare(Buffer.from(tiles.data.subarray(7 * 3072, 8 * 3072)), wanted)).toBe(0)
    // Slides compressed with JPEG 2000: tag 259 has another value.
    const other = Buffer.from(slide)
    const entry = other.indexOf(Buffer.from('03010300010000000700', 'hex'))
    other.writeUInt16LE(33_005, entry + 8)
    await expect(imageFacts(other)).rejects.toThrow('TIFF compressed with JPEG 2000 is not supported')
  })

  it('tiles of JPEGs equal the same region of the whole image, with a stride', async () => {
    const jpeg = await madeImage(3, 150, 130).jpeg().toBuffer()
    const dataset = await open({ 'a.jpg': jpeg }, { reading: { tile: 100, stride: 30 } })
    expect(dataset.length).toBe(6) // left 0, 30, 50; top 0, 30
    const whole = await sharp(jpeg).extract({ left: 50, top: 30, width: 100, height: 100 }).raw().toBuffer()
    const tiles = await allOf(dataset, 100)
    expect(Buffer.compare(Buffer.from(tiles.data.subarray(5 * 30000)), whole)).toBe(0)
  })

  it('every page is an image', async () => {
    const npy = (count: number) => {
      const text = `{'descr': '|u1', 'fortran_order': False, 'shape': (${count}, 16, 16, 1), }`.padEnd(117)
      const head = Buffer.concat([Buffer.from('\x93NUMPY\x01\x00v\x00', 'latin1'), Buffer.from(`${text}\n`)])
      return Buffer.concat([
        head,
        ...Array.from({ length: count }, (_, page) => Buffer.alloc(256, page * 10)),
      ])
    }
    const dataset = await open({ 'a.npy': npy(3), 'b.npy': npy(2) }, { reading: { page: 'all' } })
    expect(dataset.length).toBe(5)
    expect(dataset.pathOf!(4)).toMatch(/b\.npy#page=1$/)
    const { data } = await allOf(dataset)
    expect([0, 1, 2, 3, 4].map((i) => data[i * 16 * 16 * 3])).toEqual([0, 10, 20, 0, 10])
    const last = await open({}, { reading: { page: 1 } })
    expect([...(await allOf(last)).data.subarray(0, 1)]).toEqual([10])
  })
})

describe('a file with an orientation is upright in every route', () => {
  // Stored lying on its side: orientation 6 asks to turn it clockwise.
  const [width, height] = [40, 28]
  const upright = Uint8Array.from(uniforms([7, 3], width * height * 3), (u) => u * 256)
  const stored = new Uint8Array(upright.length)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++)
        stored[((width - 1 - x) * height + y) * 3 + c] = upright[(y * width + x) * 3 + c]!
  const lying = () =>
    sharp(stored, { raw: { width: height, height: width, channels: 3 } }).withMetadata({ orientation: 6 })
  const cut = (left: number, top: number, side: number) =>
    Buffer.concat(
      Array.from({ length: side }, (_, y) => {
        const at = ((top + y) * width + left) * 3
        return Buffer.from(upright.subarray(at, at + 3 * side))
      }),
    )
  const centre = cut(6, 0, height)
  const lossless = {
    png: () => lying().png().toBuffer(),
    tif: () => lying().tiff({ compression: 'lzw' }).toBuffer(),
    webp: () => lying().webp({ lossless: true }).toBuffer(),
  }
  const file = async (name: string, content: Buffer) => {
    await writeFiles(join(folder, 'one'), { [name]: content })
    return join(folder, 'one', name)
  }
  const same = async (dataset: ImageDataset, wanted = centre, image = 0) => {
    const { data, shape } = await allOf(dataset, Math.sqrt(wanted.length / 3))
    const [, rows, columns, channels] = shape
    const bytes = rows * columns * channels
    const own = data.subarray(image * bytes, (image + 1) * bytes)
    // A cache of small images keeps whole images.
    const expectedPixels = rows === columns ? wanted : Buffer.from(upright)
    expect(Buffer.compare(Buffer.from(own), expectedPixels)).toBe(0)
    await dataset.close()
  }

  it.each(Object.entries(lossless))(
    '%s: folder, its cache, a list, a tile, values of bands',
    async (ending, make) => {
      const content = await make()
      const path = await file(`a.${ending}`, content)
      await same(await open({ [`a.${ending}`]: content }))
      await same(await streamImages([path]))
      await same(await streamImages(join(folder, 'one')))
      await same(await streamImages([path], { reading: { bands: [0, 1, 2] } }))
      await same(await streamImages([`${path}#xywh=12,8,20,20`]), cut(12, 8, 20))
      const tiles = await streamImages([path], { reading: { tile: 20 } })
      expect(tiles.length).toBe(4)
      await same(tiles, cut(20, 8, 20), 3)
      const { images, sizes } = await sampleImages(join(folder, 'one'), { size: height })
      expect(sizes[0]).toEqual([width, height])
      expect(Buffer.compare(Buffer.from(images.data), centre)).toBe(0)
    },
  )

  it('crops of a large JPEG, whatever decodes it, and a JPEG in a tar', async () => {
    const large = await lying().resize(300, 420).jpeg({ quality: 95 }).toBuffer()
    const turned = await sharp(large).autoOrient().png().toBuffer()
    const jpeg = await streamImages([await file('a.jpg', large)])
    const png = await streamImages([await file('b.png', turned)])
    const whole = [await allOf(jpeg, 64), await allOf(png, 64)]
    const off = whole[0]!.data.map((value, i) => Math.abs(value - whole[1]!.data[i]!))
    expect(Math.max(...off)).toBeLessThanOrEqual(3)
    const cropped = async (dataset: ImageDataset) => {
      const crop = { size: 32, scale: [0.2, 0.5], ratio: [1, 1], stream: 0 } as const
      for await (const { crops } of dataset.batches({
        batchSize: 1,
        crops: [crop],
        seedOf: () => [1, 2],
      }))
        return crops![0]!.data
      throw new Error('no batch')
    }
    const [one, other] = [await cropped(jpeg), await cropped(png)]
    expect(Math.max(...one.map((value, i) => Math.abs(value - other[i]!)))).toBeLessThanOrEqual(3)

    const image = await lossless.png()
    const block = Buffer.alloc(512)
    new Header({ path: 'a.png', mode: 0o644, size: image.length, type: 'File' }).encode(block)
    const padding = Buffer.alloc((512 - (image.length % 512)) % 512)
    const tar = await file('c.tar', Buffer.concat([block, image, padding, Buffer.alloc(1024)]))
    await same(await openImages(tar, { cacheFolder: join(folder, 'cache') }))
  })

  it('16-bit PNG', async () => {
    const wide = await lying().toColourspace('rgb16').png().toBuffer()
    // Not turned: sharp only turns what it is asked to.
    const raw = await sharp(wide)
      .pipelineColourspace('rgb16')
      .toColourspace('rgb16')
      .raw({ depth: 'ushort' })
      .toBuffer()
    const values = new Uint16Array(raw.buffer, raw.byteOffset, raw.length / 2)
    const shade = (x: number, y: number, c: number) =>
      Math.floor((values[((width - 1 - x) * height + y) * 3 + c]! * 255) / 65_535 + 0.5)
    const part = (left: number, top: number, side: number) =>
      Array.from({ length: side * side * 3 }, (_, i) => {
        const pixel = Math.floor(i / 3)
        return shade(left + (pixel % side), top + Math.floor(pixel / side), i % 3)
      })
    const path = await file('wide.png', wide)
    const reading = { range: { any: { low: [0], high: [65_535] } } }
    const whole = await allOf(await streamImages([path], { reading }), height)
    expect([...whole.data]).toEqual(part(6, 0, height))
    const tile = await allOf(await streamImages([`${path}#xywh=12,8,20,20`], { reading }), 20)
    expect([...tile.data]).toEqual(part(12, 8, 20))
  })
})
