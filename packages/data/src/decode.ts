import { type CropBox, centralCropBox, SelfsupError } from '@selfsup/core'
import sharp, { type Sharp } from 'sharp'
import { expectImage, imageHeader, MOST_PIXELS } from './image-header.js'
import type { FileFacts } from './image-sample.js'
import { decodingMemory } from './memory-budget.js'
import { throwOutage } from './outage.js'
import type { Pixels } from './pixels.js'
import { resizedCrop } from './resize.js'

/** Smallest accepted side length of an image, in pixels. */
export const SMALLEST_SIDE = 2

/** Time limit for decoding one image; the largest takes about half a minute. */
const MOST_SECONDS = 300

let prepared = false

/** Disables sharp's threads per image and its cache, because many images are decoded in parallel, each once. Runs at first use. */
function prepareSharp(): void {
  if (prepared) return
  sharp.concurrency(1)
  sharp.cache(false)
  prepared = true
}

/** Which part of a file to decode, and what to show behind transparent pixels. */
export interface Opening {
  /** `#rrggbb`; default white */
  readonly background?: string
  /** number of the page in the file; default the first */
  readonly page?: number
  /** region of the upright page; default the whole page */
  readonly region?: CropBox
}

/**
 * Opens an image: rotates it by its EXIF orientation, uses the first frame of an animation, puts transparency on white, and
 * converts CMYK and 16 bits to 8 bits of RGB or grey.
 * @param file content of a file, or the path of a TIFF, of which only the region is read
 * @throws SelfsupError if the format is not supported
 */
function open(
  file: Buffer | string,
  channels: 1 | 3,
  { background = '#ffffff', page, region }: Opening = {},
): Sharp {
  if (typeof file !== 'string') expectImage(file)
  prepareSharp()
  const limitInputPixels = region ? false : MOST_PIXELS
  const image = sharp(file, { failOn: 'truncated', pages: 1, page, limitInputPixels })
    .timeout({ seconds: MOST_SECONDS })
    .autoOrient()
    .flatten({ background })
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
  return region ? image.extract(region) : image
}

/** Width and height of the upright image, read from its header. */
export async function measure(file: Buffer): Promise<{ width: number; height: number }> {
  expectImage(file)
  const { autoOrient } = await sharp(file, {
    failOn: 'none',
    pages: 1,
    limitInputPixels: false,
  }).metadata()
  return autoOrient
}

/** Reads the properties of an image from its header. */
export async function factsOf(file: Buffer): Promise<FileFacts> {
  expectImage(file)
  const found = await sharp(file, { failOn: 'none', limitInputPixels: MOST_PIXELS }).metadata()
  const { format, space, depth, hasAlpha, pages = 1 } = found
  // The height of an animation can be the sum of all its frames.
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

/**
 * The centre square of an image as RGB. It is reduced while decoding if the format supports that, so it is suited for display
 * and statistics, not for training.
 */
export async function thumbnail(file: Buffer, size: number, background?: string): Promise<Uint8Array> {
  const { data, info } = await inMemory(file, 3, () =>
    open(file, 3, { background })
      .resize(size, size, { fit: 'cover', kernel: 'linear' })
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true }),
  )
  if (info.channels !== 3) throw new SelfsupError(`decoded to ${info.channels} channels instead of 3`)
  return data
}

/** Decodes an image without resizing it. */
export async function decode(file: Buffer, channels: 1 | 3): Promise<Pixels> {
  return withDecoded(file, channels, async (image) => image)
}

/**
 * Decodes an image and passes it to `use`. All concurrent calls share one memory budget: the memory is reserved before decoding,
 * by the size in the header, and released when `use` has finished.
 * @throws SelfsupError if the file is not a supported image or has too many pixels
 */
export async function withDecoded<T>(
  file: Buffer | string,
  channels: 1 | 3,
  use: (image: Pixels) => Promise<T>,
  opening: Opening = {},
): Promise<T> {
  const work = async () => use(await raw(open(file, channels, opening), channels))
  const { region } = opening
  if (region) return decodingMemory(region.width * region.height * (REGION_BYTES + channels), work)
  return inMemory(file as Buffer, channels, work)
}

/** Memory for a pixel of a region: the decoder also holds the file's tiles or rows around it. */
const REGION_BYTES = 8

/** Reserves memory for the pixels in the file's own format, which libvips holds, and for the result. */
async function inMemory<T>(file: Buffer, channels: number, work: () => Promise<T>): Promise<T> {
  const { width, height, bytesPerPixel } = await imageHeader(file)
  return decodingMemory(width * height * (bytesPerPixel + channels), work)
}

/** Resizes the shorter side of a decoded image to `size` and cuts out the centre. */
export async function square(image: Pixels, size: number, channels: number): Promise<Uint8Array> {
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
 * Cuts a box out of a decoded image and resizes it to size x size, bilinear with antialiasing as in torchvision, with a mean
 * difference of less than half a grey level. libvips is faster for reducing, but positions enlarged pixels differently.
 */
export async function cropDecoded(
  image: Pixels,
  box: CropBox,
  size: number,
  channels: number,
): Promise<Uint8Array> {
  const forSharp = channels === 1 || channels === 3
  if (box.width < size || box.height < size || !forSharp) return resizedCrop(image, box, size, channels)
  prepareSharp()
  return sharp(image.data, { raw: { width: image.width, height: image.height, channels } })
    .extract(box)
    .resize(size, size, { fit: 'fill', kernel: 'linear' })
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .raw()
    .toBuffer()
}

/** The centre square of a decoded image, used if no crop is requested. */
export function middle(image: Pick<Pixels, 'width' | 'height'>): CropBox {
  return centralCropBox(image.height, image.width, [1, 1])
}

/**
 * Describes in a few words why an image could not be decoded. libvips has one error buffer for all its threads, so that images
 * decoded in parallel receive each other's messages or none. Therefore the reason is determined from the file.
 */
export async function reasonOf(error: unknown, file: Buffer | undefined): Promise<string> {
  throwOutage(error)
  if (error instanceof SelfsupError || !file) return firstLine(error)
  if (file.length === 0) return 'empty file'
  if (/pixel limit/i.test(firstLine(error))) return 'more pixels than can be decoded'
  return measure(file).then(
    () => 'truncated or damaged',
    () => 'not a supported image file',
  )
}

function firstLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.split('\n')[0]!
}
