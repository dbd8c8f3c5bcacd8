import { type ImagePart, type ImageReading, SelfsupError, splitPart, withPart } from '@selfsup/core'
import { measure, type Opening, reasonOf, SMALLEST_SIDE, withDecoded } from '../decode.js'
import type { EncodedImages } from '../encoded-images.js'
import { MOST_PIXELS } from '../image-header.js'
import { decodingMemory } from '../memory-budget.js'
import type { Pixels } from '../pixels.js'
import { isTiff, isTiffName, readerFor } from './format.js'
import { PageCache } from './page-cache.js'
import { layoutAt } from './tiff-file.js'
import { type TiffLayout, tiffLayout, tiffValues } from './tiff-values.js'
import { bytesOf, pixelsOf } from './to-pixels.js'
import { eightBits, imageFacts, type ValueSource, valueSource } from './value-source.js'
import type { Region, ValueFacts } from './values.js'

/** Decodes image files to pixels, by one reading. */
export interface ImageReader {
  readonly reading: ImageReading
  readonly channels: number
  /** whether plain JPEGs need nothing but decoding, so that any decoder may be used */
  readonly usual: boolean
  /** Width and height of an image: of the upright file, or of its part. */
  sizeOf(images: EncodedImages, index: number): Promise<{ width: number; height: number }>
  /**
   * Decodes an image and passes it to `use`. All concurrent calls share one memory budget.
   * @param file content of the file, if the caller has read it
   * @throws SelfsupError with the reason if the image cannot be read, or the error of `use`
   */
  withImage<T>(
    images: EncodedImages,
    index: number,
    use: (image: Pixels) => Promise<T>,
    file?: Buffer,
  ): Promise<T>
}

/** Creates a reader. @param reading resolved, without `all` and `auto` except for pages */
export function imageReader(reading: ImageReading, channels: number): ImageReader {
  const usual = usualReading(reading) && (channels === 1 || channels === 3)
  const cache = new PageCache()
  const regionLayout = regionLayouts()
  const damaged = damagedPages()
  const how = { reading, channels, usual }
  const load = (images: EncodedImages, index: number, part?: ImagePart): Promise<Buffer | string> => {
    const path = part?.box && images.fileOf?.(index)
    return path !== undefined && isTiffName(path) ? Promise.resolve(path) : images.load(index)
  }
  const explained = async <T>(work: () => Promise<T>, file: () => Buffer | undefined): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      throw error instanceof SelfsupError
        ? error
        : new SelfsupError(await reasonOf(error, file()), { cause: error })
    }
  }
  return {
    ...how,
    async sizeOf(images, index) {
      const part = images.partOf?.(index)
      if (part?.box) return part.box
      const file = await images.load(index)
      return reading.former ? measure(file) : sizeOfFile(file)
    },
    async withImage(images, index, use, given) {
      const part = images.partOf?.(index)
      let file: Buffer | undefined = given
      const whole = async () => {
        file ??= await images.load(index)
        return file
      }
      if (!part?.box)
        return explained(
          async () => withPage(await whole(), part?.page, how, use),
          () => file,
        )
      const { box } = part
      const path = images.fileOf?.(index) ?? splitPart(images.pathOf(index)).file
      const name = withPart(path, { page: part.page })
      let decoded = false
      const passed = (pixels: Pixels) => {
        decoded = true
        return use(pixels)
      }
      damaged.expectReadable(name)
      try {
        return await explained(
          async () => {
            const known = cache.get(name)
            if (known) return passed(cutPixels(await known, box, channels))
            const source = await load(images, index, part)
            const layout = await regionLayout(source)
            if (layout) return withRegion(source, layout, part, how, passed)
            const page = cache.add(name, () =>
              withPage(source as Buffer, part.page, how, async (pixels) => pixels),
            )
            return passed(cutPixels(await page, box, channels))
          },
          () => file,
        )
      } catch (error) {
        if (!decoded) damaged.failed(name, error as SelfsupError)
        throw error
      } finally {
        if (decoded) damaged.works(name)
      }
    },
  }
}

/** If this many tiles of a page fail and none can be read, its other tiles are not tried. */
const MOST_FAILURES = 16

/** Remembers pages none of whose tiles can be read: a damaged header can claim a million of them. */
function damagedPages() {
  const failures = new Map<string, number>()
  const working = new Set<string>()
  const bounded = (names: { readonly size: number; clear(): void }) => {
    if (names.size >= MOST_LAYOUTS) names.clear()
  }
  return {
    /** @throws SelfsupError if no tile of the page could be read so far */
    expectReadable(name: string): void {
      if ((failures.get(name) ?? 0) >= MOST_FAILURES)
        throw new SelfsupError('truncated or damaged, like the other tiles of its page', {
          code: 'damaged-file',
        })
    },
    failed(name: string, { code }: SelfsupError): void {
      if (working.has(name) || code === 'not-found') return
      bounded(failures)
      failures.set(name, (failures.get(name) ?? 0) + 1)
    },
    works(name: string): void {
      if (working.has(name)) return
      bounded(working)
      working.add(name)
      failures.delete(name)
    },
  }
}

/** Whether 8-bit images need no more than decoding. */
function usualReading({ bands, range }: ImageReading): boolean {
  return bands === 'rgb' && (range === 'auto' || (range !== 'image' && !range.any && !range.uint8))
}

interface How {
  readonly reading: ImageReading
  readonly channels: number
  readonly usual: boolean
}

/** Decodes a page of a file. */
async function withPage<T>(
  file: Buffer,
  page: number | undefined,
  { reading, channels, usual }: How,
  use: (image: Pixels) => Promise<T>,
): Promise<T> {
  const plain = (opening: Opening = {}) =>
    withDecoded(file, channels as 1 | 3, use, { background: reading.background, ...opening })
  if (reading.former) return withDecoded(file, channels as 1 | 3, use)
  const source = await valueSource(file)
  if (source && !(source.plain && usual)) return withValues(source, { reading, channels }, use, page)
  if (source?.layout && source.facts.width * source.facts.height > MOST_PIXELS)
    throw new SelfsupError(TOO_LARGE)
  if (source?.layout) return plain({ page: source.layout.planesOf(pageOf(source.facts, page, reading))[0]! })
  return usual ? plain() : withValues(await eightBits(file), { reading, channels }, use)
}

/** TIFFs can be read in parts. */
const TOO_LARGE = 'more pixels than can be decoded at once; read it in tiles'

async function withValues<T>(
  { facts, values, layout }: Pick<ValueSource, 'facts' | 'values' | 'layout'>,
  { reading, channels }: Pick<How, 'reading' | 'channels'>,
  use: (image: Pixels) => Promise<T>,
  page?: number,
): Promise<T> {
  if (facts.width * facts.height > MOST_PIXELS)
    throw new SelfsupError(layout ? TOO_LARGE : 'more pixels than can be decoded')
  if (Math.min(facts.width, facts.height) < SMALLEST_SIDE)
    throw new SelfsupError(`${facts.width}x${facts.height} pixels are too few`)
  return decodingMemory(bytesOf(facts, channels), async () =>
    use(pixelsOf(await values(pageOf(facts, page, reading)), facts, reading, channels)),
  )
}

/** The page to read. @throws SelfsupError if the file has fewer pages */
function pageOf(
  { pages, usualPage = 0 }: ValueFacts,
  page: number | undefined,
  reading: ImageReading,
): number {
  const wanted = page ?? (typeof reading.page === 'number' ? reading.page : usualPage)
  if (wanted >= pages)
    throw new SelfsupError(
      `it has ${pages === 1 ? '1 page' : `${pages} pages`}; page ${wanted} is to be used`,
    ) // prettier-ignore
  return wanted
}

async function sizeOfFile(file: Buffer): Promise<{ width: number; height: number }> {
  return readerFor(file) ? imageFacts(file) : measure(file)
}

/** Finds TIFFs whose regions are read one by one: tiled ones, those on disk, and those too large to decode at once. */
function regionLayouts(): (source: Buffer | string) => Promise<TiffLayout | undefined> {
  const known = new Map<string, Promise<TiffLayout>>()
  const onDisk = (path: string) => {
    const layout = known.get(path) ?? layoutAt(path)
    known.set(path, layout)
    layout.catch(() => known.delete(path))
    if (known.size > MOST_LAYOUTS) known.delete(known.keys().next().value!)
    return layout
  }
  return async (source) => {
    if (typeof source === 'string') return onDisk(source)
    if (!isTiff(source)) return undefined
    const layout = await tiffLayout((at, length) => source.subarray(at, at + length))
    const { width, height } = layout.facts
    return layout.tiled || width * height > LARGE_PAGE ? layout : undefined
  }
}

const MOST_LAYOUTS = 1000

/** Pages with more pixels than this are not decoded as a whole. */
const LARGE_PAGE = 2 ** 26

async function withRegion<T>(
  source: Buffer | string,
  layout: TiffLayout,
  { page, box }: ImagePart,
  { reading, channels, usual }: How,
  use: (image: Pixels) => Promise<T>,
): Promise<T> {
  const region = box as Region
  const wanted = pageOf(layout.facts, page, reading)
  if (layout.plain && usual) {
    const opening = { background: reading.background, page: layout.planesOf(wanted)[0]!, region }
    return withDecoded(source, channels as 1 | 3, use, opening)
  }
  const facts = { ...layout.facts, width: region.width, height: region.height }
  return decodingMemory(bytesOf(facts, channels), async () =>
    use(pixelsOf(await tiffValues(source, layout, wanted, region), facts, reading, channels)),
  )
}

function cutPixels({ data, width }: Pixels, box: Region, channels: number): Pixels {
  const cut = new Uint8Array(box.width * box.height * channels)
  for (let row = 0; row < box.height; row++) {
    const from = ((box.top + row) * width + box.left) * channels
    cut.set(data.subarray(from, from + box.width * channels), row * box.width * channels)
  }
  return { data: cut, width: box.width, height: box.height }
}
