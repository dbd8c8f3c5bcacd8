import { readFileSync } from 'node:fs'
import { type ImageReading, SelfsupError } from '@selfsup/core'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { madeImage } from '../made-images.js'
import { madeTiff } from '../made-tiff.js'
import { imageReader } from './reader.js'
import { completeReading } from './resolve-reading.js'
import { imageFacts, imageValues } from './value-source.js'

/** Files by tifffile, pydicom, nibabel, NumPy and Pillow, and the values that these programs read (fixtures/formats.py). */
const fixtures = fixturesOf('formats')

/** JPEG 2000 by OpenJPEG and pydicom (fixtures/jpeg2000.py). */
const jpeg2000 = fixturesOf('jpeg2000')

function fixturesOf(name: string): Record<string, { file: string; shape: number[]; values: number[] }> {
  return JSON.parse(readFileSync(new URL(`../fixtures/${name}.json`, import.meta.url), 'utf8'))
}

const fileOf = (name: string) => Buffer.from(fixtures[name]!.file, 'base64')

/** The values of all pages, without alpha, one page after the other. */
async function valuesOf(file: Buffer): Promise<number[]> {
  const all: number[] = []
  const { pages, bands } = await imageFacts(file)
  for (let page = 0; page < pages; page++) {
    const { values } = await imageValues(file, page)
    for (let at = 0; at < values.data.length; at += values.samples)
      for (let band = 0; band < bands; band++) all.push(values.data[at + band]!)
  }
  return all
}

/** Files whose values are stored exactly. */
const exact = Object.keys(fixtures).filter((name) => !/heic|palette|rgba16/.test(name))

describe('values of files are those that their own programs read:', () => {
  it.each(exact)('%s', async (name) => {
    expect(await valuesOf(fileOf(name))).toEqual(fixtures[name]!.values)
  })

  it('HEIC, approximately', async () => {
    const { values } = fixtures['photo.heic']!
    const read = await valuesOf(fileOf('photo.heic'))
    expect(read.length).toBe(values.length)
    const off = read.reduce((sum, value, i) => sum + Math.abs(value - values[i]!), 0) / read.length
    expect(off).toBeLessThan(8)
  })

  it('BMP with a palette', async () => {
    expect(await valuesOf(fileOf('palette.bmp'))).toEqual(fixtures['palette.bmp']!.values)
  })

  it.each([
    ['more rows than the file has', 22, 524_294],
    ['more columns than the file has', 18, 34_825],
    ['an unknown number of bits', 28, 2048],
  ])('no BMP that claims %s', async (_, at, value) => {
    for (const name of ['palette.bmp', 'rgb.bmp']) {
      const file = fileOf(name)
      file.writeUIntLE(value, at, at === 28 ? 2 : 4)
      await expect(imageFacts(file)).rejects.toThrow('truncated or damaged')
      await expect(imageFacts(fileOf(name).subarray(0, -20))).rejects.toThrow('truncated or damaged')
    }
  })

  it('JPEG XL', async () => {
    const { facts, values } = await imageValues(jxl, 0)
    expect(facts).toMatchObject({ width: 12, height: 10, bands: 3, type: 'uint8' })
    const wanted = Array.from({ length: 480 }, (_, i) => (i % 4 === 3 ? 255 : (i * 7) % 256))
    expect([...values.data]).toEqual(wanted)
  })
})

/** By @jsquash/jxl, lossless: value i is i * 7 modulo 256, alpha is 255. */
const jxl = Buffer.from(
  '/wpIILASCAgQACQCSxiTjoODKUZGrG2MwTIzxuCGVLEVMQZrxuAhjDFYIQYrxRhxAJFzpAHAdldVNeqiCqpqRLVFQjUqpaIqRuYSVDVWcl9UNepxo6jGNjBUxTgRhqrqzRgvqqoDYERUZQCMqHItohFVADuNHo4feP/4AACkJX4AwusDAOQrQN0I/FXBD+CT/w99/wE=',
  'base64',
)

describe('JPEG 2000', () => {
  const file = (name: string) => Buffer.from(jpeg2000[name]!.file, 'base64')
  const unsupported = ['rgba8.jp2', 'five-bands.jp2']

  it.each(Object.keys(jpeg2000).filter((name) => !unsupported.includes(name) && name !== 'ycc.jp2'))(
    'values of %s are those that OpenJPEG reads',
    async (name) => {
      expect(await valuesOf(file(name))).toEqual(jpeg2000[name]!.values)
    },
  )

  it('luma and colour differences become colours', async () => {
    const { values } = jpeg2000['ycc.jp2']!
    const read = await valuesOf(file('ycc.jp2'))
    expect(Math.max(...read.map((value, i) => Math.abs(value - values[i]!)))).toBeLessThanOrEqual(1)
  })

  it.each([
    ['rgba8.jp2', /^JPEG 2000 with 4 components of 8 bits is not supported; convert it to TIFF/],
    ['five-bands.jp2', /^JPEG 2000 with 5 components of 16 bits is not supported/],
  ])('%s is refused by its header, not as damaged', async (name, message) => {
    await expect(imageFacts(file(name))).rejects.toThrow(message)
  })

  it('more pixels than can be decoded are refused by the header', async () => {
    const huge = file('rgb8.jp2')
    huge.writeUInt32BE(2 ** 30, huge.indexOf('\xff\x4f\xff\x51', 'latin1') + 8)
    await expect(imageFacts(huge)).rejects.toThrow('more pixels than can be decoded')
  })

  it('truncated and damaged files are errors, and the next file is read', async () => {
    const whole = file('tiled.jp2')
    for (const length of [40, 100, Math.floor(whole.length / 2), whole.length - 1])
      await expect(imageValues(whole.subarray(0, length), 0)).rejects.toThrow('truncated or damaged')
    // A wrong length of a tile part makes the decoder fail in the middle.
    const broken = Buffer.from(whole)
    broken.writeUInt32BE(0x7fffffff, broken.indexOf('\xff\x90', 'latin1') + 6)
    const both = [imageValues(broken, 0), imageValues(broken, 0), valuesOf(whole)] as const
    await expect(both[0]).rejects.toThrow('truncated or damaged')
    await expect(both[1]).rejects.toThrow('truncated or damaged')
    expect(await both[2]).toEqual(jpeg2000['tiled.jp2']!.values)
  })
})

describe('facts', () => {
  it.each([
    ['five-bands.tif', { bands: 5, type: 'uint16', colour: false, transparent: false, pages: 1 }],
    ['rgb-nir.tif', { bands: 4, colour: true, transparent: false }],
    ['rgba16.tif', { bands: 3, colour: true, transparent: true }],
    ['pages.tif', { bands: 1, pages: 3 }],
    ['ome.ome.tif', { bands: 3, pages: 2 }],
    ['pyramid.tif', { width: 48, height: 32, pages: 1 }],
    ['ct.dcm', { type: 'float32', bands: 1 }],
    ['frames.dcm', { pages: 3 }],
    ['volume.nii.gz', { pages: 3, usualPage: 1, width: 5, height: 6 }],
    ['bands-first.npy', { bands: 5, width: 9, height: 6 }],
  ])('of %s', async (name, facts) => {
    expect(await imageFacts(fileOf(name))).toMatchObject(facts)
  })
})

/** 2 x 2 pixels of 2 bits, by a palette of 4 colours. */
const paletteTiff =
  'SUkqAAgAAAAKAAABBAABAAAAAgAAAAEBBAABAAAAAgAAAAIBAwABAAAAAgAAAAMBAwABAAAAAQAAAAYBAwABAAAAAwAAABEBBAABAAAAngAAABUBAwABAAAAAQAAABYBBAABAAAAAgAAABcBBAABAAAAAgAAAEABAwAMAAAAhgAAAAAAAAAKCsjIAABaWhQUZGT//1tbHh4yMgcHXFwQsA=='

/** Reads one file by a reading. */
async function pixels(file: Buffer, reading: Partial<ImageReading>, channels: number) {
  const images = {
    name: 'one',
    count: 1,
    pathOf: () => 'one',
    load: async () => file,
    fingerprint: async () => '',
  }
  const reader = imageReader({ ...completeReading(reading), background: '#ffffff' }, channels)
  return reader.withImage(images, 0, async ({ data }) => [...data])
}

describe('pixels', () => {
  const { values: five } = fixtures['five-bands.tif']!
  const scaled = (value: number, low: number, high: number) =>
    Math.min(255, Math.max(0, Math.floor(((value - low) / (high - low)) * 255 + 0.5)))

  it('of chosen bands, with a range for each', async () => {
    const range = { uint16: { low: [0, 1000], high: [10000, 4000] } }
    const wanted = Array.from({ length: 54 }, (_, pixel) => [
      scaled(five[pixel * 5 + 3]!, 0, 10000),
      scaled(five[pixel * 5 + 1]!, 1000, 4000),
    ]).flat()
    expect(await pixels(fileOf('five-bands.tif'), { bands: [3, 1], range }, 2)).toEqual(wanted)
  })

  it('by the lowest and highest value of each band of the image', async () => {
    const ofBand = (band: number) => Array.from({ length: 54 }, (_, pixel) => five[pixel * 5 + band]!)
    const all = await pixels(fileOf('five-bands.tif'), { bands: [0, 4], range: 'image' }, 2)
    for (const [i, band] of [0, 4].entries()) {
      const one = ofBand(band)
      const [low, high] = [Math.min(...one), Math.max(...one)]
      expect(all.filter((_, at) => at % 2 === i)).toEqual(one.map((value) => scaled(value, low, high)))
    }
  })

  it('a single band becomes red, green and blue', async () => {
    const grey = await pixels(fileOf('uint16.tif'), { range: { any: { low: [0], high: [4095] } } }, 3)
    const wanted = fixtures['uint16.tif']!.values.flatMap((value) => Array(3).fill(scaled(value, 0, 4095)))
    expect(grey).toEqual(wanted)
  })

  it('transparent 16-bit pixels show the background, unless the alpha band is used as a band', async () => {
    const { values } = fixtures['rgba16.tif']!
    const range = { any: { low: [0], high: [65535] } }
    const shown = await pixels(fileOf('rgba16.tif'), { range }, 3)
    const first = scaled(values[0]!, 0, 65535)
    const share = values[3]! / 65535
    expect(shown[0]).toBe(Math.round(first * share + 255 * (1 - share)))
    const bands = await pixels(fileOf('rgba16.tif'), { range, bands: [0, 3] }, 2)
    expect(bands.slice(0, 2)).toEqual([scaled(values[0]!, 0, 65535), scaled(values[3]!, 0, 65535)])
  })

  it('missing values of GDAL are black and do not count for the range', async () => {
    const { values } = fixtures['nodata.tif']!
    const [low, high] = [Math.min(...values.slice(1)), Math.max(...values.slice(1))]
    const read = await pixels(fileOf('nodata.tif'), { range: 'image' }, 3)
    expect(read.filter((_, i) => i % 3 === 0)).toEqual([
      0,
      ...values.slice(1).map((v) => scaled(v, low, high)),
    ])
  })

  it('missing values that are written with fewer digits than a float32 has', async () => {
    const file = madeTiff(Float32Array.of(-3.4028234663852886e38, 1, 2, 3), [2, 2, 1], {
      missing: '-3.4028235e+38',
    })
    expect(await pixels(file, { range: 'image', bands: [0] }, 1)).toEqual([0, 0, 128, 255])
  })

  it('fully transparent pixels do not count for the range', async () => {
    const data = Buffer.from([255, 255, 255, 0, 50, 50, 50, 255, 90, 90, 90, 255, 100, 100, 100, 255])
    const file = await sharp(data, { raw: { width: 2, height: 2, channels: 4 } })
      .png()
      .toBuffer()
    expect(await pixels(file, { range: 'image', bands: [0] }, 1)).toEqual([255, 0, 204, 255])
  })

  describe('TIFFs whose values are not colours, with an unusual range', () => {
    const photo = () => madeImage(3, 40, 30)
    it.each([
      ['JPEG in YCbCr', () => photo().tiff({ compression: 'jpeg', quality: 95 }).toBuffer(), 3],
      [
        'the same, tiled',
        () => photo().tiff({ compression: 'jpeg', tile: true, tileWidth: 16, tileHeight: 16 }).toBuffer(),
        3,
      ],
      ['CMYK', () => photo().toColourspace('cmyk').tiff().toBuffer(), 3],
      ['a palette', async () => Buffer.from(paletteTiff, 'base64'), 3],
      ['1 bit', () => photo().toColourspace('b-w').threshold(99).tiff({ bitdepth: 1 }).toBuffer(), 1],
    ] as const)('%s', async (_, make, channels) => {
      const file = await make()
      const range = { any: { low: [0], high: [255] } }
      const bands = channels === 3 ? [0, 1, 2] : [0]
      const usual = await pixels(file, { range: {} }, channels)
      expect(await pixels(file, { range, bands }, channels)).toEqual(usual)
    })
  })

  it.each([
    ['band 7 is to be used', { bands: [0, 7] }, 2, 'five-bands.tif'],
    ['it has 3 pages; page 5 is to be used', { page: 5 }, 3, 'pages.tif'],
  ] as const)('refuses what a file does not have: %s', async (message, reading, channels, name) => {
    const read = pixels(fileOf(name), reading, channels)
    await expect(read).rejects.toThrow(message)
    await expect(read).rejects.toBeInstanceOf(SelfsupError)
  })
})
