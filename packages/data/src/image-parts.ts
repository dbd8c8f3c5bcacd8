import { expected, type ImagePart, type ImageReading, withPart } from '@selfsup/core'
import type { EncodedImages } from './encoded-images.js'
import { forEachLimited } from './limited.js'
import { extensionOf, isTiffName } from './reading/format.js'
import { layoutAt } from './reading/tiff-file.js'
import { imageFacts } from './reading/value-source.js'

/** Number of files whose headers are read at the same time. */
const AT_A_TIME = 16

/** Maximum number of parts of one file; with more, it stays one image. */
const MOST_PARTS_OF_FILE = 2 ** 22

/** Maximum number of parts of all files. */
const MOST_PARTS = 2 ** 28

/**
 * Splits files into the images that a reading makes of them: pages, tiles, or both. Tiles cover the whole page: the last ones of a
 * row and of a column are moved inwards. A page smaller than a tile is one image.
 * @returns the same images if each file is one image
 */
export async function imageParts(images: EncodedImages, reading: ImageReading): Promise<EncodedImages> {
  const { page, tile } = reading
  if (page !== 'all' && tile === undefined) return images
  const stride = reading.stride ?? tile
  for (const [name, value] of Object.entries({ tile, stride }))
    expected(
      value === undefined || (Number.isInteger(value) && value >= 1),
      `${name} must be a whole number of pixels, at least 1; got ${value}`,
    )
  const found: Uint32Array[] = Array(images.count)
  await forEachLimited(images.count, AT_A_TIME, async (file) => {
    found[file] = await partsOfFile(images, file, reading)
  })
  const total = found.reduce((sum, { length }) => sum + length / FIELDS, 0)
  expected(total <= MOST_PARTS, `${images.name}: ${total} tiles are too many; choose a larger stride`)
  const parts = new Uint32Array(total * FIELDS)
  let at = 0
  for (const some of found) {
    parts.set(some, at)
    at += some.length
  }
  return partsOf(images, parts, tile)
}

/** For each part: number of the file, page + 1 or 0, left + 1 or 0 for a whole page, top. */
const FIELDS = 4

async function partsOfFile(
  images: EncodedImages,
  file: number,
  { page, tile, stride = tile }: ImageReading,
): Promise<Uint32Array> {
  const facts = await headerOf(images, file, tile === undefined).catch(() => undefined)
  // An unreadable file stays one image, which is skipped with its reason when it is decoded.
  if (!facts) return Uint32Array.of(file, 0, 0, 0)
  const perPage = tile === undefined ? 1 : (facts.width / stride! + 1) * (facts.height / stride! + 1)
  // A damaged header can claim any size.
  if (facts.pages * perPage > MOST_PARTS_OF_FILE) return Uint32Array.of(file, 0, 0, 0)
  const pages = page === 'all' ? Array.from({ length: facts.pages }, (_, number) => number + 1) : [0]
  const whole = tile === undefined || facts.width < tile || facts.height < tile
  const places = whole
    ? [[0, 0] as const]
    : starts(facts.height, tile, stride!).flatMap((top) =>
        starts(facts.width, tile, stride!).map((left) => [left + 1, top] as const),
      )
  return Uint32Array.from(
    pages.flatMap((number) => places.flatMap(([left, top]) => [file, number, left, top])),
  )
}

/** Positions of tiles along one axis. */
function starts(length: number, tile: number, stride: number): number[] {
  const last = length - tile
  const regular = Array.from({ length: Math.floor(last / stride) + 1 }, (_, i) => i * stride)
  return regular.at(-1) === last ? regular : [...regular, last]
}

/** Formats whose pages are frames of an animation, of which only the first is used. */
const ANIMATED: ReadonlySet<string> = new Set(['gif', 'webp', 'avif', 'jpg', 'jpeg', 'png'])

async function headerOf(images: EncodedImages, file: number, onlyPages: boolean) {
  const path = images.fileOf?.(file)
  const ending = extensionOf(path ?? images.pathOf(file))
  const still = ANIMATED.has(ending)
  if (still && onlyPages) return { width: 0, height: 0, pages: 1 }
  if (path !== undefined && isTiffName(path)) return (await layoutAt(path)).facts
  const { width, height, pages } = await imageFacts(await images.load(file))
  return { width, height, pages: still ? 1 : pages }
}

function partsOf(images: EncodedImages, parts: Uint32Array, tile: number | undefined): EncodedImages {
  const fileOf = (index: number) => parts[index * FIELDS]!
  const count = parts.length / FIELDS
  const partOf = (index: number): ImagePart => {
    const [page, left, top] = [1, 2, 3].map((field) => parts[index * FIELDS + field]!) as [
      number,
      number,
      number,
    ]
    return {
      ...(page > 0 && { page: page - 1 }),
      ...(left > 0 && { box: { left: left - 1, top, width: tile!, height: tile! } }),
    }
  }
  const { labels, examples } = images
  const positions = examples && Uint32Array.from({ length: count }, (_, index) => fileOf(index))
  return {
    ...images,
    count,
    labels: labels && Int32Array.from({ length: count }, (_, index) => labels[fileOf(index)]!),
    examples: examples && positions && examplesOfParts(examples, positions),
    pathOf: (index) => withPart(images.pathOf(fileOf(index)), partOf(index)),
    load: (index) => images.load(fileOf(index)),
    ...(images.prefetch && {
      prefetch: (indices: Iterable<number>) => images.prefetch!(new Set(Array.from(indices, fileOf))),
    }),
    fileOf: images.fileOf && ((index) => images.fileOf!(fileOf(index))),
    partOf,
  }
}

/** Number of example parts for each extension. */
const MOST_EXAMPLES = 64

/** Evenly spaced parts of the example files. */
function examplesOfParts(
  examples: ReadonlyMap<string, readonly number[]>,
  files: Uint32Array,
): Map<string, number[]> {
  const partsOfFiles = new Map<number, { first: number; count: number }>()
  for (const [index, file] of files.entries()) {
    const known = partsOfFiles.get(file)
    if (known) known.count++
    else partsOfFiles.set(file, { first: index, count: 1 })
  }
  return new Map(
    [...examples].map(([ending, positions]) => {
      const ranges = positions.flatMap((file) => partsOfFiles.get(file) ?? [])
      const each = Math.max(1, Math.ceil(MOST_EXAMPLES / Math.max(1, ranges.length)))
      return [
        ending,
        ranges.flatMap(({ first, count }) => {
          const taken = Math.min(each, count)
          return Array.from({ length: taken }, (_, i) => first + Math.floor(((i + 0.5) * count) / taken))
        }),
      ]
    }),
  )
}
