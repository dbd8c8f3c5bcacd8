import { expected, SelfsupError, type ValueType } from '@selfsup/core'
import sharp, { type Sharp } from 'sharp'
import { geotiffValues } from './geotiff-values.js'
import { photometric, type ReadAt, type TiffPage, tiffPages } from './tiff-directory.js'
import { type ImageValues, type Region, type ValueFacts, valuesOf } from './values.js'

/** A TIFF file in memory, or the path of one that is read region by region. */
export type TiffFile = Buffer | string

/** The images in a TIFF file: what its directories contain, and how they form pages of bands. */
export interface TiffLayout {
  readonly facts: ValueFacts
  /** sharp reads the page as 8-bit grey or colour: palettes, CMYK, JPEG compression, 1 to 8 bits */
  readonly plain: boolean
  readonly tiled: boolean
  /** numbers of the directories that hold a page: one, or one for each band */
  planesOf(page: number): readonly number[]
  readonly missing?: number
  /** sharp reads the values unchanged; otherwise they are read by geotiff */
  readonly bySharp: boolean
  /** low values are bright, and the reader does not invert them */
  readonly inverted: boolean
  /** samples of a directory beyond the bands: alpha */
  readonly alpha: boolean
  readonly samples: number
}

/** Time limit for decoding one page. */
const MOST_SECONDS = 300

/** Compressions of some slides of Aperio's scanners, and of TIFF's own number for JPEG 2000. */
const JPEG_2000: ReadonlySet<number> = new Set([33_003, 33_005, 34_712])

/**
 * Reads the layout of a TIFF. Smaller versions of a page (pyramids) and pages of another size or type than the first are not
 * counted. The bands of OME-TIFF and ImageJ files are stored as one directory each (SizeC, channels).
 * @throws SelfsupError if the file is damaged or its values are of an unsupported type
 */
export async function tiffLayout(read: ReadAt): Promise<TiffLayout> {
  const all = await tiffPages(read)
  const first = all[0]!
  expectComplete(first)
  expected(
    !JPEG_2000.has(first.compression),
    'TIFF compressed with JPEG 2000 is not supported; convert it, for example with: bfconvert -compression JPEG IMAGE image.tif',
    { code: 'unsupported' },
  )
  const pages = [...all.keys()].filter((number) => number === 0 || isAlike(all[number]!, first))
  const colour = first.photometric >= photometric.rgb
  const usual = first.photometric <= photometric.rgb
  const colours = colour ? Math.min(3, first.samples) : 1
  const [extra] = first.extraSamples.slice(-1)
  const alpha = first.samples > colours && (extra === 1 || extra === 2)
  const bandsEach = first.samples - (alpha ? 1 : 0)
  const separate = bandsEach === 1 ? separateBands(first.description, pages.length) : undefined
  const plain =
    separate === undefined && (!usual || (first.bits <= 8 && first.type === 'uint8' && bandsEach === colours))
  expected(plain || first.type, `TIFF values of ${first.bits} bits of this type are not supported`)
  const turned = first.orientation >= 5 && first.orientation <= 8
  expected(
    plain || isReadBySharp(first) || first.orientation <= 1 || first.orientation > 8,
    `TIFF of this kind with orientation ${first.orientation} is not supported; turn it, for example with: gdal_translate or vips autorot`,
    { code: 'unsupported' },
  )
  expected(first.width >= 1 && first.height >= 1 && first.samples >= 1, 'truncated or damaged')
  return {
    facts: {
      width: turned ? first.height : first.width,
      height: turned ? first.width : first.height,
      bands: separate?.bands ?? (plain && colour ? 3 : bandsEach),
      type: (plain ? undefined : first.type) ?? 'uint8',
      colour: colour && (plain || bandsEach >= 3),
      transparent: alpha,
      pages: separate ? separate.pages : pages.length,
    },
    plain,
    tiled: first.tiled,
    missing:
      first.missing !== undefined && first.type === 'float32' ? Math.fround(first.missing) : first.missing,
    bySharp: isReadBySharp(first),
    inverted: first.photometric === photometric.minIsWhite && !isReadBySharp(first),
    alpha,
    samples: first.samples,
    planesOf: (page) =>
      (separate ? separate.planesOf(page) : [page]).map((plane) => {
        const number = pages[plane]!
        expectComplete(all[number]!)
        return number
      }),
  }
}

function expectComplete({ complete }: TiffPage): void {
  if (!complete) throw new SelfsupError('truncated or damaged', { code: 'damaged-file' })
}

/** Whether sharp reads the values of a page unchanged. It drops bands of most types, and negative values of 16 bits. */
function isReadBySharp({ samples, type, bits, planar, photometric: kind }: TiffPage): boolean {
  if (samples === 1) return type !== 'int16' && bits <= 32 && (type !== 'float32' || bits === 32)
  if (planar) return false
  return type === 'uint16' || (type === 'uint8' && kind === photometric.rgb && samples <= 4)
}

function isAlike(page: TiffPage, first: TiffPage): boolean {
  const { width, height, bits, samples, type, reduced } = page
  return (
    !reduced &&
    width === first.width &&
    height === first.height &&
    bits === first.bits &&
    samples === first.samples &&
    type === first.type
  )
}

interface SeparateBands {
  readonly bands: number
  readonly pages: number
  planesOf(page: number): number[]
}

/** How many bands are stored as a directory each, and where: from the description of OME-TIFF and ImageJ files. */
function separateBands(description: string, directories: number): SeparateBands | undefined {
  const ome = /<Pixels\b[^>]*>/.exec(description)?.[0]
  const attribute = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(ome ?? '')?.[1]
  const bands = ome
    ? Number(attribute('SizeC'))
    : description.startsWith('ImageJ=')
      ? Number(/^channels=(\d+)/m.exec(description)?.[1])
      : Number.NaN
  if (!Number.isInteger(bands) || bands < 2 || directories % bands !== 0) return undefined
  // ImageJ stores channels first, as DimensionOrder XYC..; in other orders of OME, z or t can come before.
  const order = ome ? (attribute('DimensionOrder') ?? 'XYCZT').slice(2) : 'CZT'
  const sizes: Readonly<Record<string, number>> = {
    C: bands,
    Z: Number(attribute('SizeZ') ?? 1),
    T: Number(attribute('SizeT') ?? 1),
  }
  const before = [...order.slice(0, Math.max(0, order.indexOf('C')))].reduce(
    (n, axis) => n * (sizes[axis] ?? 1),
    1,
  )
  if (!Number.isInteger(before) || before < 1 || directories % (before * bands) !== 0) return undefined
  return {
    bands,
    pages: directories / bands,
    planesOf: (page) => {
      const start = Math.floor(page / before) * before * bands + (page % before)
      return Array.from({ length: bands }, (_, band) => start + band * before)
    },
  }
}

const depths = {
  uint8: 'uchar',
  int8: 'char',
  uint16: 'ushort',
  int16: 'short',
  uint32: 'uint',
  int32: 'int',
  float32: 'float',
} as const satisfies Record<ValueType, string>

/** Reads the values of a page, or of a region of it. */
export async function tiffValues(
  file: TiffFile,
  layout: TiffLayout,
  page: number,
  region?: Region,
): Promise<ImageValues> {
  const planes: ImageValues[] = []
  for (const directory of layout.planesOf(page))
    planes.push(await directoryValues(file, layout, directory, region))
  const [first] = planes as [ImageValues, ...ImageValues[]]
  if (planes.length === 1) return first
  const { width, height, data } = first
  const samples = planes.length
  const together = new (data.constructor as new (length: number) => typeof data)(width * height * samples)
  for (const [band, plane] of planes.entries())
    for (let pixel = 0; pixel < width * height; pixel++) together[pixel * samples + band] = plane.data[pixel]!
  return { ...first, data: together, samples, alpha: false }
}

async function directoryValues(
  file: TiffFile,
  { facts, plain, samples, alpha, missing, bySharp, inverted }: TiffLayout,
  directory: number,
  region?: Region,
): Promise<ImageValues> {
  if (!bySharp && !plain) {
    const read = await geotiffValues(file, directory, facts.type, region)
    return { ...read, alpha, opaque: opaqueOf(facts.type), missing, inverted }
  }
  const open = () =>
    sharp(file, { failOn: 'truncated', page: directory, limitInputPixels: false, unlimited: true })
  const { space } = await open().metadata()
  let image: Sharp = open().timeout({ seconds: MOST_SECONDS }).autoOrient()
  if (region) image = image.extract(region)
  // Palettes, CMYK and YCbCr become colours. Other values have the file's own colour space, so that sharp converts nothing.
  image = plain
    ? image.toColourspace(facts.bands === 1 ? 'b-w' : 'srgb')
    : image.pipelineColourspace(space as 'srgb').toColourspace(space as 'srgb')
  const { data, info } = await image.raw({ depth: depths[facts.type] }).toBuffer({ resolveWithObject: true })
  const { width, height, channels } = info
  const wanted = plain ? facts.bands + (alpha ? 1 : 0) : samples
  if (channels !== wanted)
    throw new SelfsupError(`decoded to ${channels} bands instead of ${wanted}`, { code: 'unsupported' })
  const values = { data: valuesOf(facts.type, data), width, height, samples: channels }
  return { ...values, alpha, opaque: opaqueOf(facts.type), missing }
}

function opaqueOf(type: ValueType): number {
  if (type === 'float32') return 1
  const bits = Number(type.replace(/\D+/, ''))
  return 2 ** (type.startsWith('u') ? bits : bits - 1) - 1
}
