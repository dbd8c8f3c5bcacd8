import { readFileSync } from 'node:fs'
import { uniforms } from '@selfsup/core'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { cropDecoded, decode, measure, reasonOf } from './decode.js'
import { resizedCrop } from './resize.js'
import { smallJpegDecoder } from './small-jpeg.js'

const [WIDTH, HEIGHT] = [12, 8]
type Rgb = { r: number; g: number; b: number }
const plain = (background: Rgb | string) =>
  sharp({ create: { width: WIDTH, height: HEIGHT, channels: 3, background } })
const orange = { r: 220, g: 120, b: 40 }

/** The colour of the centre pixel. */
async function middleOf(file: Buffer): Promise<number[]> {
  const { data, width, height } = await decode(file, 3)
  const at = (Math.floor(height / 2) * width + Math.floor(width / 2)) * 3
  return [...data.subarray(at, at + 3)]
}

const near = (got: number[], wanted: number[], tolerance: number) =>
  got.every((value, i) => Math.abs(value - wanted[i]!) <= tolerance)

const animated = (form: 'gif' | 'webp') => {
  const frames = Buffer.concat(
    [
      [255, 0, 0],
      [0, 0, 255],
    ].map((rgb) => Buffer.alloc(WIDTH * HEIGHT * 3, Buffer.from(rgb))),
  )
  const raw = { width: WIDTH, height: HEIGHT * 2, channels: 3, pageHeight: HEIGHT } as const
  return sharp(frames, { raw })[form]().toBuffer()
}
const sixteenBits = () => {
  const values = new Uint16Array(WIDTH * HEIGHT * 3).fill(257 * 100)
  return sharp(values, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
    .toColourspace('rgb16')
    .png()
    .toBuffer()
}

describe('converts every kind of file to 8-bit RGB', () => {
  const [r, g, b] = [220, 120, 40]
  it.each<[string, () => Promise<Buffer>, number[], number]>([
    ['JPEG', () => plain(orange).jpeg({ quality: 95 }).toBuffer(), [r, g, b], 3],
    ['PNG', () => plain(orange).png().toBuffer(), [r, g, b], 0],
    ['WebP', () => plain(orange).webp({ lossless: true }).toBuffer(), [r, g, b], 0],
    ['AVIF', () => plain(orange).avif({ quality: 90, effort: 0 }).toBuffer(), [r, g, b], 6],
    ['GIF', () => plain(orange).gif().toBuffer(), [r, g, b], 4],
    ['TIFF', () => plain(orange).tiff({ compression: 'lzw' }).toBuffer(), [r, g, b], 0],
    ['grey JPEG', () => plain('#808080').toColourspace('b-w').jpeg().toBuffer(), [128, 128, 128], 1],
    ['grey PNG', () => plain('#808080').toColourspace('b-w').png().toBuffer(), [128, 128, 128], 0],
    ['CMYK JPEG', () => plain('#ffffff').toColourspace('cmyk').jpeg().toBuffer(), [255, 255, 255], 6],
    ['16-bit PNG', sixteenBits, [100, 100, 100], 1],
    ['animated GIF: first frame', () => animated('gif'), [255, 0, 0], 2],
    ['animated WebP: first frame', () => animated('webp'), [255, 0, 0], 8],
    [
      'transparent PNG: on white',
      () =>
        sharp({ create: { width: WIDTH, height: HEIGHT, channels: 4, background: { ...orange, alpha: 0 } } })
          .png()
          .toBuffer(),
      [255, 255, 255],
      0,
    ],
    [
      'half transparent PNG',
      () =>
        sharp({
          create: { width: WIDTH, height: HEIGHT, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0.5 } },
        })
          .png()
          .toBuffer(),
      [127, 127, 127],
      1,
    ],
  ])('%s', async (_, make, wanted, tolerance) => {
    const file = await make()
    expect(await decode(file, 3)).toMatchObject({ width: WIDTH, height: HEIGHT })
    const got = await middleOf(file)
    expect(near(got, wanted, tolerance), `got ${got}, wanted ${wanted}`).toBe(true)
    const grey = await decode(file, 1)
    expect(grey.data.length).toBe(WIDTH * HEIGHT)
  })

  it('the 16-bit and CMYK test files have these formats', async () => {
    expect((await sharp(await sixteenBits()).metadata()).depth).toBe('ushort')
    const cmyk = await plain('#ffffff').toColourspace('cmyk').jpeg().toBuffer()
    expect((await sharp(cmyk).metadata()).space).toBe('cmyk')
    expect((await sharp(await animated('gif')).metadata()).pages).toBe(2)
  })
})

it('rotates an image by its EXIF orientation', async () => {
  // Left half red, right half blue, stored rotated.
  const left = Buffer.alloc(WIDTH * HEIGHT * 3)
  for (let i = 0; i < WIDTH * HEIGHT; i++) left[3 * i + (i % WIDTH < WIDTH / 2 ? 0 : 2)] = 255
  const file = await sharp(left, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
    .withMetadata({ orientation: 6 })
    .png()
    .toBuffer()
  const { data, width, height } = await decode(file, 3)
  expect([width, height]).toEqual([HEIGHT, WIDTH])
  expect(await measure(file)).toEqual({ width: HEIGHT, height: WIDTH })
  expect([...data.subarray(0, 3)]).toEqual([255, 0, 0]) // orientation 6: the left side becomes the top
  expect([...data.subarray(data.length - 3)]).toEqual([0, 0, 255])
})

describe('reports why an image cannot be used', () => {
  it.each<[string, () => Promise<Buffer>, string]>([
    ['text', async () => Buffer.from('dear diary'), 'not a supported image file'],
    ['nothing', async () => Buffer.alloc(0), 'empty file'],
    [
      '1 x 1',
      () =>
        sharp({ create: { width: 1, height: 1, channels: 3, background: '#000' } })
          .jpeg()
          .toBuffer(),
      '1x1 pixels are too few',
    ],
    [
      'truncated JPEG',
      () =>
        noise(200, 200)
          .jpeg()
          .toBuffer()
          .then((file) => file.subarray(0, file.length / 2)),
      'truncated or damaged',
    ],
    [
      'truncated PNG',
      () =>
        noise(200, 200)
          .png()
          .toBuffer()
          .then((file) => file.subarray(0, file.length / 2)),
      'truncated or damaged',
    ],
  ])('%s', async (_, make, reason) => {
    const file = await make()
    const error = await decode(file, 3).then(
      () => undefined,
      (thrown) => reasonOf(thrown, file),
    )
    expect(error).toBe(reason)
  })

  it('reports the right reason for each of many images decoded in parallel', async () => {
    const whole = await noise(64, 64).jpeg().toBuffer()
    const files = [whole.subarray(0, whole.length / 2), Buffer.from('dear diary'), Buffer.alloc(0), whole]
    const reasons = await Promise.all(
      Array.from({ length: 80 }, async (_, i) => {
        const file = files[i % files.length]!
        return decode(file, 3).then(
          () => 'decoded',
          (thrown) => reasonOf(thrown, file),
        )
      }),
    )
    const each = ['truncated or damaged', 'not a supported image file', 'empty file', 'decoded']
    expect(reasons).toEqual(reasons.map((_, i) => each[i % each.length]))
  })
})

function noise(width: number, height: number) {
  const data = Uint8Array.from(uniforms([1, 2], width * height * 3), (u) => u * 256)
  return sharp(data, { raw: { width, height, channels: 3 } }).blur(1)
}

describe('the decoder of small JPEGs, compared with sharp', () => {
  it.each<[string, () => Promise<Buffer>, 1 | 3]>([
    ['4:2:0', () => noise(33, 31).jpeg({ quality: 80 }).toBuffer(), 3],
    ['4:4:4', () => noise(32, 32).jpeg({ chromaSubsampling: '4:4:4' }).toBuffer(), 3],
    ['progressive', () => noise(40, 24).jpeg({ progressive: true }).toBuffer(), 3],
    ['grey to grey', () => noise(28, 28).toColourspace('b-w').jpeg().toBuffer(), 1],
    ['grey to colour', () => noise(28, 28).toColourspace('b-w').jpeg().toBuffer(), 3],
  ])('%s: the same pixels', async (_, make, channels) => {
    const file = await make()
    const small = (await smallJpegDecoder())(file, channels)
    expect(small).toBeDefined()
    const { data, width, height } = await decode(file, channels)
    expect(small).toMatchObject({ width, height })
    expect(Buffer.compare(Buffer.from(small!.data), Buffer.from(data))).toBe(0)
  })

  it.each<[string, () => Promise<Buffer>, 1 | 3]>([
    ['a PNG', () => noise(32, 32).png().toBuffer(), 3],
    ['EXIF', () => noise(32, 32).withMetadata({ orientation: 3 }).jpeg().toBuffer(), 3],
    ['a colour profile', () => noise(32, 32).withIccProfile('p3').jpeg().toBuffer(), 3],
    ['CMYK', () => noise(32, 32).toColourspace('cmyk').jpeg().toBuffer(), 3],
    ['colour to grey', () => noise(32, 32).jpeg().toBuffer(), 1],
    ['large', () => noise(300, 300).jpeg().toBuffer(), 3],
    ['1 x 1', () => noise(1, 1).jpeg().toBuffer(), 3],
    [
      'truncated',
      () =>
        noise(32, 32)
          .jpeg()
          .toBuffer()
          .then((file) => file.subarray(0, -40)),
      3,
    ],
    ['text', async () => Buffer.from('dear diary'), 3],
    ['nothing', async () => Buffer.alloc(0), 3],
  ])('returns undefined for %s', async (_, make, channels) => {
    expect((await smallJpegDecoder())(await make(), channels)).toBeUndefined()
  })

  it('still works after a damaged file', async () => {
    const decodeSmall = await smallJpegDecoder()
    const good = await noise(32, 32).jpeg().toBuffer()
    const before = decodeSmall(good, 3)
    const bad = Buffer.concat([good.subarray(0, 30), good.subarray(-100)])
    expect(decodeSmall(bad, 3)).toBeUndefined()
    expect(decodeSmall(good, 3)).toEqual(before)
  })
})

describe('crops, compared with torchvision', () => {
  const fixture = JSON.parse(
    readFileSync(new URL('./fixtures/torchvision-crop.json', import.meta.url), 'utf8'),
  ) as {
    height: number
    width: number
    size: number
    crops: { top: number; left: number; height: number; width: number; pixels: string }[]
  }
  const { height, width, size } = fixture
  const data = new Uint8Array(height * width * 3)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * 3
      data[at] = (3 * x + y) % 256
      data[at + 1] = (3 * x + 2 * y) % 256
      data[at + 2] = ((Math.floor(x / 8) + Math.floor(y / 8)) % 2) * 200 + 20
    }
  }
  it.each(fixture.crops)('$height x $width to 24 x 24', async ({ pixels, ...box }) => {
    const wanted = Buffer.from(pixels, 'base64')
    const got = await cropDecoded({ data, height, width }, box, size, 3)
    expect(got.length).toBe(wanted.length)
    const difference = got.reduce((sum, value, i) => sum + Math.abs(value - wanted[i]!), 0) / got.length
    expect(difference).toBeLessThan(0.6)
    const ours = resizedCrop({ data, height, width }, box, size, 3)
    expect(Math.max(...ours.map((value, i) => Math.abs(value - wanted[i]!)))).toBeLessThanOrEqual(1)
    const red = { data: data.filter((_, i) => i % 3 === 0), height, width }
    expect(resizedCrop(red, box, size, 1)).toEqual(ours.filter((_, i) => i % 3 === 0))
  })
})
