import { type CropBox, centralCropBox, SelfsupError } from '@selfsup/core'
import sharp, { type Sharp } from 'sharp'
import { expectImage, imageHeader, MOST_PIXELS } from './image-header.js'
import { decodingMemory } from './memory-budget.js'
import type { Pixels } from './pixels.js'
import { resizedCrop } from './resize.js'

/** Below this side a image holds nothing to learn from. */
export const SMALLEST_SIDE = 2

/** Decoding of one image is given up after this time: the largest takes about half a minute. */
const MOST_SECONDS = 300

let prepared = false

/** Many images are decoded side by side, each once: no threads for each, nothing kept. At first use, not on import. */
function prepareSharp(): void {
  if (prepared) return
  sharp.concurrency(1)
  sharp.cache(false)
  prepared = true
}

/**
 * Opens a image: upright by its EXIF data, the first frame of an animation, transparency on white, CMYK and
 * 16 bits turned to 8 bits of RGB or grey.
 * @throws SelfsupError when it is of no documented format
 */
function open(file: Buffer, channels: 1 | 3): Sharp {
  expectImage(file)
  prepareSharp()
  return sharp(file, { failOn: 'truncated', pages: 1, limitInputPixels: MOST_PIXELS })
    .timeout({ seconds: MOST_SECONDS })
    .autoOrient()
    .flatten({ background: '#ffffff' })
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
}

/** Width and height as the image is to be seen, from its header alone. */
export async function measure(file: Buffer): Promise<{ width: number; height: number }> {
  expectImage(file)
  const { autoOrient } = await sharp(file, {
    failOn: 'none',
    pages: 1,
    limitInputPixels: false,
  }).metadata()
  return autoOrient
}

/** What a image's file says of it. */
export interface FileFacts {
  /** as the image is to be seen, in pixels */
  readonly width: number
  readonly height: number
  /** such as jpeg */
  readonly format: string
  /** such as srgb, b-w, cmyk, grey16 */
  readonly space: string
  /** of a value in the file: 1, 8, 16, 32 */
  readonly bits: number
  readonly transparent: boolean
  /** frames of an animation, pages of a TIFF */
  readonly pages: number
}

/** What a image's header says. */
export async function factsOf(file: Buffer): Promise<FileFacts> {
  expectImage(file)
  const found = await sharp(file, { failOn: 'none', limitInputPixels: MOST_PIXELS }).metadata()
  const { format, space, depth, hasAlpha, pages = 1 } = found
  // An animation's height may be that of all its frames.
  const { width, height } = pages > 1 ? await measure(file) : found.autoOrient
  const wide = /16|32|float|double|int|short/.test(depth ?? '')
  const bits = found.bitsPerSample ?? (wide ? (/16|short/.test(depth!) ? 16 : 32) : 8)
  return {
    width,
    height,
    format: format ?? '',
    space: space ?? '',
    bits,
    transparent: hasAlpha ?? false,
    pages,
  }
}

/** The middle square of a image as RGB, shrunk while decoding where the format can do that: to look at, not to learn from. */
export async function thumbnail(file: Buffer, size: number): Promise<Uint8Array> {
  const { data, info } = await inMemory(file, 3, () =>
    open(file, 3)
      .resize(size, size, { fit: 'cover', kernel: 'linear' })
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true }),
  )
  if (info.channels !== 3) throw new SelfsupError(`decoded to ${info.channels} channels instead of 3`)
  return data
}

/** Decodes a image as it is. */
export async function decode(file: Buffer, channels: 1 | 3): Promise<Pixels> {
  return withDecoded(file, channels, async (image) => image)
}

/**
 * Decodes a image and does something with it. All that runs at a time shares one budget of memory, which is asked before
 * anything is decoded, by the header; it is given back when `use` is done.
 * @throws SelfsupError when it is no image, or has too many pixels
 */
export async function withDecoded<T>(
  file: Buffer,
  channels: 1 | 3,
  use: (image: Pixels) => Promise<T>,
): Promise<T> {
  return inMemory(file, channels, async () => use(await raw(open(file, channels), channels)))
}

/** What libvips holds of the file's own pixels, and the result. */
async function inMemory<T>(file: Buffer, channels: number, work: () => Promise<T>): Promise<T> {
  const { width, height, bytesPerPixel } = await imageHeader(file)
  return decodingMemory(width * height * (bytesPerPixel + channels), work)
}

/** A decoded image as a square: the shorter side resized to `size`, the middle taken. */
export async function square(image: Pixels, size: number, channels: 1 | 3): Promise<Uint8Array> {
  return cropDecoded(image, middle(image), size, channels)
}

async function raw(image: Sharp, channels: 1 | 3): Promise<Pixels> {
  const { data, info } = await image.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true })
  if (info.width < SMALLEST_SIDE || info.height < SMALLEST_SIDE) {
    throw new SelfsupError(`${info.width}x${info.height} pixels are too few`)
  }
  if (info.channels !== channels)
    throw new SelfsupError(`decoded to ${info.channels} channels instead of ${channels}`)
  return { data, width: info.width, height: info.height }
}

/**
 * Cuts a box out of a decoded image and resizes it to size x size, bilinear with antialiasing as torchvision does
 * it: on average within half a grey level. libvips shrinks so, and faster, but places enlarged pixels otherwise.
 */
export async function cropDecoded(
  image: Pixels,
  box: CropBox,
  size: number,
  channels: 1 | 3,
): Promise<Uint8Array> {
  if (box.width < size || box.height < size) return resizedCrop(image, box, size, channels)
  prepareSharp()
  return sharp(image.data, { raw: { width: image.width, height: image.height, channels } })
    .extract(box)
    .resize(size, size, { fit: 'fill', kernel: 'linear' })
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .raw()
    .toBuffer()
}

/** The middle square of a decoded image, for when no crop was asked for. */
export function middle(image: Pick<Pixels, 'width' | 'height'>): CropBox {
  return centralCropBox(image.height, image.width, [1, 1])
}

/**
 * Why a image could not be decoded, in a few words. libvips keeps one text of errors for all its threads, so
 * that images decoded side by side get each other's messages, or none: the file itself is asked instead.
 */
export async function reasonOf(error: unknown, file: Buffer | undefined): Promise<string> {
  if (error instanceof SelfsupError || !file) return firstLine(error)
  if (file.length === 0) return 'empty file'
  if (/pixel limit/i.test(firstLine(error))) return 'more pixels than can be decoded'
  return measure(file).then(
    () => 'truncated or damaged',
    () => 'not a picture that can be read',
  )
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.split('\n')[0]!
}
