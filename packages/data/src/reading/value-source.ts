import { SelfsupError } from '@selfsup/core'
import sharp from 'sharp'
import { measure, factsOf as plainFactsOf } from '../decode.js'
import type { EncodedImages } from '../encoded-images.js'
import { expectImage, MOST_PIXELS } from '../image-header.js'
import type { FileFacts } from '../image-sample.js'
import { decodingMemory } from '../memory-budget.js'
import { isTiff, isTiffName, readerFor } from './format.js'
import { layoutAt } from './tiff-file.js'
import { type TiffLayout, tiffLayout, tiffValues } from './tiff-values.js'
import { bytesOf } from './to-pixels.js'
import { type ImageValues, type ValueFacts, valuesOf } from './values.js'

/** Reads the values of a file's pages. */
export interface ValueSource {
  readonly facts: ValueFacts
  /** sharp reads the file as 8 bits of grey or colour */
  readonly plain: boolean
  readonly layout?: TiffLayout
  values(page: number): Promise<ImageValues>
}

/** @returns undefined for formats with 8 bits, which sharp decodes */
export async function valueSource(file: Buffer): Promise<ValueSource | undefined> {
  const reader = readerFor(file)
  if (reader)
    return { facts: await reader.facts(file), plain: false, values: (page) => reader.values(file, page) }
  if (isTiff(file)) {
    const layout = await tiffLayout((at, length) => file.subarray(at, at + length))
    return {
      facts: layout.facts,
      plain: layout.plain,
      layout,
      values: (page) => tiffValues(file, layout, page),
    }
  }
  return isWidePng(file) ? widePng(file, await measure(file)) : undefined
}

/** Properties of an image from its header, of any format. */
export async function imageFacts(file: Buffer): Promise<ValueFacts> {
  const source = await valueSource(file)
  if (source) return source.facts
  expectImage(file)
  const { width, height, space, transparent, pages } = await plainFactsOf(file)
  const grey = /^(b-w|grey16)$/.test(space)
  return { width, height, bands: grey ? 1 : 3, type: 'uint8', colour: !grey, transparent, pages }
}

/** Properties of an image file of any format, for people. */
export async function fileFacts(file: Buffer): Promise<FileFacts> {
  const reader = readerFor(file)
  const tiff = isTiff(file) ? await valueSource(file) : undefined
  if (!reader) {
    const known = await plainFactsOf(file)
    const { bands, transparent, pages } = tiff?.facts ?? {
      bands: 3,
      transparent: known.transparent,
      pages: known.pages,
    }
    const unusual = bands !== 1 && bands !== 3
    return { ...known, transparent, pages, ...(unusual && { bands }) }
  }
  const { width, height, type, colour, bands, transparent, pages } = await reader.facts(file)
  const unusual = bands !== 1 && bands !== 3
  return {
    width,
    height,
    format: reader.format.toLowerCase(),
    space: colour ? 'srgb' : 'b-w',
    bits: Number(type.replace(/\D+/, '')),
    transparent,
    pages,
    ...(unusual && { bands }),
  }
}

/** Properties of an image from its header. Of a TIFF on disk, no more than its directories are read. */
export async function factsOfImage(images: EncodedImages, index: number): Promise<ValueFacts> {
  const layout = await layoutOnDisk(images, index)
  return layout ? layout.facts : imageFacts(await images.load(index))
}

/** Reads the values of an image for statistics: of a page, or of a region of a TIFF on disk. */
export async function valuesOfImage(
  images: EncodedImages,
  index: number,
): Promise<{ facts: ValueFacts; values: ImageValues }> {
  const { page, box } = images.partOf?.(index) ?? {}
  const layout = box && (await layoutOnDisk(images, index))
  if (!layout) return imageValues(await images.load(index), page)
  const facts = { ...layout.facts, width: box.width, height: box.height }
  return decodingMemory(bytesOf(facts, 0), async () => ({
    facts,
    values: await tiffValues(images.fileOf!(index), layout, page ?? 0, box),
  }))
}

async function layoutOnDisk(images: EncodedImages, index: number): Promise<TiffLayout | undefined> {
  const path = images.fileOf?.(index)
  return path !== undefined && isTiffName(path) ? layoutAt(path) : undefined
}

/** Reads the values of a page for statistics. */
export async function imageValues(
  file: Buffer,
  page: number | undefined,
): Promise<{ facts: ValueFacts; values: ImageValues }> {
  const source = (await valueSource(file)) ?? (await eightBits(file))
  const { facts } = source
  if (facts.width * facts.height > MOST_PIXELS) throw new SelfsupError('more pixels than can be decoded')
  const wanted = Math.min(page ?? facts.usualPage ?? 0, facts.pages - 1)
  return decodingMemory(bytesOf(facts, 0), async () => ({ facts, values: await source.values(wanted) }))
}

function isWidePng(file: Buffer): boolean {
  return file.length > 24 && file.toString('latin1', 1, 4) === 'PNG' && file[24] === 16
}

/** Colour types of PNG with alpha, and with colours. */
const PNG_ALPHA = 4
const PNG_COLOUR = 2

function widePng(file: Buffer, upright: { width: number; height: number }): ValueSource {
  const colour = (file[25]! & PNG_COLOUR) > 0
  const alpha = (file[25]! & PNG_ALPHA) > 0
  const bands = colour ? 3 : 1
  const facts: ValueFacts = { ...upright, bands, type: 'uint16', colour, transparent: alpha, pages: 1 }
  return {
    facts,
    plain: false,
    async values() {
      const space = (colour ? 'rgb16' : 'grey16') as 'srgb'
      const { data, info } = await sharp(file, { failOn: 'truncated', limitInputPixels: MOST_PIXELS })
        .autoOrient()
        .pipelineColourspace(space)
        .toColourspace(space)
        .raw({ depth: 'ushort' })
        .toBuffer({ resolveWithObject: true })
      const samples = info.channels
      if (samples !== bands && samples !== bands + 1)
        throw new SelfsupError(`decoded to ${samples} bands instead of ${bands}`)
      return {
        data: valuesOf('uint16', data),
        width: info.width,
        height: info.height,
        samples,
        alpha: samples === bands + 1,
        opaque: 65_535,
      }
    },
  }
}

/** The 8-bit values of a file that sharp decodes, for bands and ranges other than the usual ones. */
export async function eightBits(file: Buffer): Promise<Pick<ValueSource, 'facts' | 'values'>> {
  expectImage(file)
  const facts = await imageFacts(file)
  return {
    facts,
    async values() {
      const { data, info } = await sharp(file, {
        failOn: 'truncated',
        pages: 1,
        limitInputPixels: MOST_PIXELS,
      })
        .autoOrient()
        .toColourspace(facts.bands === 1 ? 'b-w' : 'srgb')
        .raw({ depth: 'uchar' })
        .toBuffer({ resolveWithObject: true })
      const { width, height, channels: samples } = info
      return { data, width, height, samples, alpha: samples === 2 || samples === 4, opaque: 255 }
    },
  }
}
