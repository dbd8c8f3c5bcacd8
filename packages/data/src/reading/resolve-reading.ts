import { expected, type ImageReading, SelfsupError, type ValueRange, type ValueType } from '@selfsup/core'
import type { EncodedImages } from '../encoded-images.js'
import { forEachLimited } from '../limited.js'
import { throwOutage } from '../outage.js'
import { chosenBackground } from './choose-background.js'
import { rangeOfSample, SampledValues } from './percentiles.js'
import { alphaAsBand, background, chosenBands, differentBands, sharesRange } from './to-pixels.js'
import { factsOfImage, valuesOfImage } from './value-source.js'
import type { ValueFacts } from './values.js'

/** A reading without `auto` and `all`, except for pages, and the number of channels that it gives. */
export interface ResolvedReading {
  readonly reading: ImageReading
  readonly channels: number
}

/** Number of images of each extension whose headers are read, and whose values are measured. */
const LOOKED = 24

const AT_A_TIME = 8

/** Extensions of images that have 8 bits, one or three bands and no transparency, so that nothing has to be looked at. */
const USUAL: ReadonlySet<string> = new Set(['jpg', 'jpeg'])

/** A sampled image. */
interface Look {
  readonly index: number
  readonly facts: ValueFacts
}

/** Fills in the defaults of a reading. @throws SelfsupError if a part of it is not valid */
export function completeReading(given: Partial<ImageReading> = {}): ImageReading {
  const {
    bands = 'rgb',
    range = 'auto',
    background: behind = 'auto',
    page = 'auto',
    tile,
    stride,
    former,
  } = given
  expected(
    bands === 'rgb' ||
      bands === 'all' ||
      (bands.length > 0 && bands.every((band) => Number.isInteger(band) && band >= 0)),
    `bands must be rgb, all or numbers from 0; got ${JSON.stringify(bands)}`,
  )
  if (typeof range === 'object') for (const [type, one] of Object.entries(range)) expectRange(type, one)
  expected(
    behind === 'auto' || /^#[0-9a-f]{6}$/i.test(behind),
    `background must be auto or a colour such as #808080; got ${JSON.stringify(behind)}`,
  )
  expected(
    page === 'auto' || page === 'all' || (Number.isInteger(page) && page >= 0),
    `page must be auto, all or a number from 0; got ${JSON.stringify(page)}`,
  )
  expected(stride === undefined || tile !== undefined, 'stride is set, but tile is not')
  return {
    bands,
    range,
    background: behind,
    page,
    ...(tile !== undefined && { tile }),
    ...(stride !== undefined && { stride }),
    ...(former && { former }),
  }
}

function expectRange(type: string, { low, high }: ValueRange): void {
  expected(
    low?.length > 0 && low.length === high?.length && low.every((value, i) => value < high[i]!),
    `the range of ${type} must have one low value below a high value for each band, or one pair for all; got low ${JSON.stringify(low)}, high ${JSON.stringify(high)}`,
  )
}

/**
 * Resolves `all` bands, `auto` range and `auto` background by a sample of the images.
 * @param channels 1 for grey, with bands `rgb`
 * @param onNote called with what was found and chosen, if that is not what it seems
 */
export async function resolveReading(
  images: EncodedImages,
  wanted: ImageReading,
  channels: 1 | 3,
  onNote: (text: string) => void = () => {},
): Promise<ResolvedReading> {
  if (wanted.former) return { reading: wanted, channels }
  const looks = await look(images, wanted)
  const bands = wanted.bands === 'all' ? allBands(images, looks) : wanted.bands
  if (wanted.bands === 'rgb') noteBands(looks, onNote)
  if (wanted.page === 'auto') notePages(looks, onNote)
  const range = wanted.range === 'auto' ? await measuredRange(images, looks, bands, onNote) : wanted.range
  const behind =
    wanted.background === 'auto' ? await chosenBackground(images, looks, onNote) : wanted.background
  background(behind)
  return {
    reading: { ...wanted, bands, range, background: behind },
    channels: bands === 'rgb' ? channels : bands.length,
  }
}

/** Reads the headers of some images of each kind that can be unusual. */
async function look(images: EncodedImages, { bands }: ImageReading): Promise<Look[]> {
  const { examples } = images
  const positions = examples
    ? [...examples].flatMap(([ending, found]) =>
        USUAL.has(ending) && bands !== 'all' ? [] : spread(found, LOOKED),
      )
    : spread([...Array(Math.min(images.count, 1e6)).keys()], LOOKED)
  const looks: Look[] = []
  await forEachLimited(positions.length, AT_A_TIME, async (i) => {
    const index = positions[i]!
    try {
      looks.push({ index, facts: await factsOfImage(images, index) })
    } catch (error) {
      throwOutage(error)
      // Unreadable images are reported when they are skipped.
    }
  })
  return looks.sort((a, b) => a.index - b.index)
}

/** At most `count` evenly spaced items. */
function spread<T>(items: readonly T[], count: number): T[] {
  const length = Math.min(items.length, count)
  return Array.from({ length }, (_, i) => items[Math.floor((i * items.length) / length)]!)
}

/** Every band, as a list. Images with another number of bands than most are skipped later. */
function allBands(images: EncodedImages, looks: readonly Look[]): number[] {
  if (looks.length === 0)
    throw new SelfsupError(`${images.name}: none of the images that were looked at could be read`)
  const most = mostFrequent(looks.map(({ facts }) => facts.bands))
  return Array.from({ length: most }, (_, band) => band)
}

function mostFrequent(numbers: readonly number[]): number {
  const counts = new Map<number, number>()
  for (const number of numbers) counts.set(number, (counts.get(number) ?? 0) + 1)
  return [...counts].reduce((most, one) => (one[1] > most[1] ? one : most))[0]
}

function noteBands(looks: readonly Look[], onNote: (text: string) => void): void {
  for (const count of new Set(looks.map(({ facts }) => facts.bands))) {
    if (count === 1 || count === 3) continue
    const used = count === 2 ? 'only band 0 is used' : 'bands 0, 1 and 2 are used as red, green and blue'
    onNote(`Images have ${count} bands, 0 to ${count - 1}; ${used} (bands: all uses every band)`)
  }
}

function notePages(looks: readonly Look[], onNote: (text: string) => void): void {
  const still = looks.filter(
    ({ facts }) => facts.pages > 1 && (facts.usualPage !== undefined || !isAnimation(facts)),
  )
  if (still.length === 0) return
  const most = Math.max(...still.map(({ facts }) => facts.pages))
  const which = still.some(({ facts }) => facts.usualPage) ? 'the middle one' : 'the first'
  onNote(`Files have up to ${most} pages; ${which} of each is used (page: all makes every page an image)`)
}

/** 8-bit colours with several pages are frames of a GIF or WebP. */
function isAnimation({ type, colour }: ValueFacts): boolean {
  return type === 'uint8' && colour
}

/** Ranges by percentiles, for each type of value that has more than 8 bits. */
async function measuredRange(
  images: EncodedImages,
  looks: readonly Look[],
  bands: ImageReading['bands'],
  onNote: (text: string) => void,
): Promise<ImageReading['range']> {
  const wide = looks.filter(({ facts }) => facts.type !== 'uint8' && facts.type !== 'int8')
  const ranges: Partial<Record<ValueType, ValueRange>> = {}
  for (const type of new Set(wide.map(({ facts }) => facts.type))) {
    const sample = new SampledValues()
    const ofType = wide.filter(({ facts }) => facts.type === type)
    await forEachLimited(ofType.length, 2, async (i) => {
      const { index } = ofType[i]!
      try {
        const { values, facts } = await valuesOfImage(images, index)
        const chosen = chosenBands(bands, facts)
        const own = alphaAsBand(values, chosen)
        sample.add(index, own, differentBands(chosen), sharesRange(bands, facts))
      } catch (error) {
        throwOutage(error)
        // As above.
      }
    })
    const range = rangeOfSample(sample)
    if (!range) continue
    ranges[type] = range
    onNote(
      `Values of type ${type}: ${described(range)} become 0 to 255 (percentiles of ${sample.images} images)`,
    )
  }
  return ranges
}

function described({ low, high }: ValueRange): string {
  const pairs = low.map((value, i) => `${short(value)} to ${short(high[i]!)}`)
  return pairs.length > 4 ? `${pairs.slice(0, 3).join(', ')}, ...` : pairs.join(', ')
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)))
}
