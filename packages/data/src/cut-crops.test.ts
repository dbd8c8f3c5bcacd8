import { type CropBox, centralCropBox, earlierReading, jpegCropper, uniforms } from '@selfsup/core'
import { findTensorflow, loadTensorflow } from '@selfsup/tensorflow'
import sharp from 'sharp'
import { beforeAll, describe, expect, it } from 'vitest'
import { cutCrops } from './cut-crops.js'
import { cropDecoded, decode } from './decode.js'
import { plainFrame } from './jpeg-frame.js'
import { imageReader } from './reading/reader.js'
import { resizedCrop } from './resize.js'

/** Smooth noise with edges, which reveals errors of resizing and decoding. */
function photograph(width: number, height: number) {
  const data = Uint8Array.from(uniforms([3, 4], width * height * 3), (u) => u * 256)
  return sharp(data, { raw: { width, height, channels: 3 } }).blur(2)
}

const boxes: readonly CropBox[] = [
  { top: 0, left: 0, height: 140, width: 200 }, // the whole image
  { top: 100, left: 150, height: 40, width: 50 }, // the lower right corner
  { top: 30, left: 40, height: 20, width: 25 }, // enlarged
  { top: 17, left: 33, height: 96, width: 71 },
]
const sizes = [64, 20, 48, 32]

/** A listing of one file. */
const one = (file: Buffer) => ({
  name: 'one',
  count: 1,
  pathOf: () => 'one',
  load: async () => file,
  fingerprint: async () => 'one',
})

async function cut(file: Buffer, channels: 1 | 3): Promise<Uint8Array[]> {
  const targets = sizes.map((size) => new Uint8Array(size * size * channels))
  await cutCrops(one(file), 0, imageReader(earlierReading, channels), () =>
    boxes.map((box, i) => ({ box, size: sizes[i]!, target: targets[i]! })),
  )
  return targets
}

describe.skipIf(!findTensorflow())('crops by the decoder of native TensorFlow', () => {
  beforeAll(async () => {
    await loadTensorflow()
    expect(jpegCropper()).toBeDefined()
  })

  it.each<[string, () => Promise<Buffer>, 1 | 3]>([
    ['4:2:0', () => photograph(200, 140).jpeg({ quality: 85 }).toBuffer(), 3],
    ['4:4:4', () => photograph(200, 140).jpeg({ chromaSubsampling: '4:4:4' }).toBuffer(), 3],
    ['progressive', () => photograph(200, 140).jpeg({ progressive: true }).toBuffer(), 3],
    [
      'with upright EXIF',
      () =>
        photograph(200, 140)
          .withExif({ IFD0: { Orientation: '1' } })
          .jpeg()
          .toBuffer(),
      3,
    ],
    ['grey', () => photograph(200, 140).toColourspace('b-w').jpeg().toBuffer(), 1],
    ['grey as colour', () => photograph(200, 140).toColourspace('b-w').jpeg().toBuffer(), 3],
  ])('%s: differ from crops of the whole image by less than one grey level', async (_, make, channels) => {
    const file = await make()
    expect(plainFrame(file, channels)).toBeDefined()
    const own = await cut(file, channels)
    const image = await decode(file, channels)
    for (const [i, box] of boxes.entries()) {
      const wanted = resizedCrop(image, box, sizes[i]!, channels)
      const off = own[i]!.map((value, at) => Math.abs(value - wanted[at]!))
      expect(off.reduce((a, b) => a + b, 0) / off.length).toBeLessThan(0.1)
      expect(off.filter((difference) => difference > 1).length).toBe(0)
    }
  })

  it.each<[string, () => Promise<Buffer>, 1 | 3]>([
    ['lying on its side', () => photograph(200, 140).withMetadata({ orientation: 6 }).jpeg().toBuffer(), 3],
    ['CMYK', () => photograph(200, 140).toColourspace('cmyk').jpeg().toBuffer(), 3],
    ['colour to grey', () => photograph(200, 140).jpeg().toBuffer(), 1],
    ['PNG', () => photograph(200, 140).png().toBuffer(), 3],
  ])('%s is decoded by sharp', async (_, make, channels) => {
    const file = await make()
    const image = await decode(file, channels)
    const box = centralCropBox(image.height, image.width, [1, 1])
    const target = new Uint8Array(32 * 32 * channels)
    await cutCrops(one(file), 0, imageReader(earlierReading, channels), () => [{ box, size: 32, target }])
    const wanted = await cropDecoded(image, box, 32, channels)
    expect(Buffer.compare(Buffer.from(target), Buffer.from(wanted))).toBe(0)
  })

  it('reject a truncated file', async () => {
    const whole = await photograph(200, 140).jpeg().toBuffer()
    await expect(cut(whole.subarray(0, whole.length / 2), 3)).rejects.toThrow()
  })
})
