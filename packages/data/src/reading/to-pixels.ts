import { expected, type ImageReading, type ValueRange, type ValueType } from '@selfsup/core'
import type { Pixels } from '../pixels.js'
import { type ImageValues, type ValueFacts, valueBytes } from './values.js'

/** The numbers of the bands that become the channels. A single band becomes red, green and blue. */
export function chosenBands(
  bands: ImageReading['bands'],
  { bands: count, transparent }: Pick<ValueFacts, 'bands' | 'transparent'>,
): number[] {
  if (bands === 'rgb') return count >= 3 ? [0, 1, 2] : [0, 0, 0]
  if (bands === 'all') return Array.from({ length: count }, (_, band) => band)
  const missing = bands.find((band) => band >= count + (transparent ? 1 : 0))
  expected(
    missing === undefined,
    `it has ${count === 1 ? '1 band' : `${count} bands`}, 0 to ${count - 1}; band ${missing} is to be used`,
  )
  return [...bands]
}

/** The bands whose values differ: one if it becomes all channels. Ranges have one pair for each. */
export function differentBands(bands: readonly number[]): readonly number[] {
  return bands.every((band) => band === bands[0]) ? bands.slice(0, 1) : bands
}

/** Whether a pixel is not fully transparent. */
export function isVisible({ data, samples, alpha }: ImageValues, pixel: number): boolean {
  return !alpha || data[pixel * samples + samples - 1] !== 0
}

/**
 * The values, with alpha as a band like the others if it is among the bands to use: some programs mark a band as transparency
 * although it is not.
 */
export function alphaAsBand(values: ImageValues, bands: readonly number[]): ImageValues {
  return values.alpha && bands.includes(values.samples - 1) ? { ...values, alpha: false } : values
}

/** Whether the bands share one range: colours keep their balance, other bands differ in kind. */
export function sharesRange(
  bands: ImageReading['bands'],
  { bands: count, colour }: Pick<ValueFacts, 'bands' | 'colour'>,
): boolean {
  return bands === 'rgb' && (colour || count < 3)
}

const fullRanges: Readonly<Partial<Record<ValueType, readonly [number, number]>>> = {
  uint8: [0, 255],
  int8: [-128, 127],
}

/** The range of an image's values: fixed, that of 8-bit values, or undefined if it is measured for each image. */
function fixedRange(range: ImageReading['range'], type: ValueType): ValueRange | undefined {
  if (range === 'image') return undefined
  const given = range === 'auto' ? undefined : (range.any ?? range[type])
  const full = fullRanges[type]
  return given ?? (full && { low: [full[0]], high: [full[1]] })
}

/**
 * Converts values to pixels of 0..255.
 * @param channels number of channels; 1 with bands `rgb` gives the luma of red, green and blue
 */
export function pixelsOf(
  read: ImageValues,
  facts: ValueFacts,
  reading: ImageReading,
  channels: number,
): Pixels {
  const { width, height } = read
  const bands = chosenBands(reading.bands, facts)
  const values = alphaAsBand(read, bands)
  const grey = reading.bands === 'rgb' && channels === 1
  expected(grey || bands.length === channels, `it has ${bands.length} bands; ${channels} are to be used`)
  const used = differentBands(bands)
  const range =
    fixedRange(reading.range, facts.type) ?? rangeOfImage(values, used, sharesRange(reading.bands, facts))
  const planes = mapped(values, used, range, background(reading.background))
  if (grey) return { data: used.length === 1 ? planes : luma(planes), width, height }
  if (used.length === channels) return { data: planes, width, height }
  const data = new Uint8Array(width * height * channels)
  for (let i = 0; i < data.length; i++) data[i] = planes[Math.floor(i / channels)]!
  return { data, width, height }
}

/** The lowest and the highest visible value of an image, of all bands together or of each. */
function rangeOfImage(values: ImageValues, bands: readonly number[], shared: boolean): ValueRange {
  const low = bands.map(() => Number.POSITIVE_INFINITY)
  const high = bands.map(() => Number.NEGATIVE_INFINITY)
  const { data, samples, missing } = values
  for (let pixel = 0, at = 0; at < data.length; pixel++, at += samples) {
    if (!isVisible(values, pixel)) continue
    for (const [i, band] of bands.entries()) {
      const value = data[at + band]!
      if (!Number.isFinite(value) || value === missing) continue
      if (value < low[i]!) low[i] = value
      if (value > high[i]!) high[i] = value
    }
  }
  return shared ? { low: [Math.min(...low)], high: [Math.max(...high)] } : { low, high }
}

function mapped(
  { data, width, height, samples, alpha, opaque = 255, inverted, missing }: ImageValues,
  bands: readonly number[],
  { low, high }: ValueRange,
  behind: readonly number[],
): Uint8Array {
  const count = bands.length
  const pixels = new Uint8Array(width * height * count)
  for (const [i, band] of bands.entries()) {
    const from = low[i % low.length]!
    const to = high[i % high.length]!
    // All values of an image without contrast become mid-grey.
    const scale = to > from ? 255 / (to - from) : 0
    const base = to > from ? 0.5 : 128
    const wall = behind[i % behind.length]!
    for (
      let pixel = 0, at = band, last = samples - 1;
      pixel < width * height;
      pixel++, at += samples, last += samples
    ) {
      const value = data[at]!
      const known = !Number.isNaN(value) && value !== missing
      let shade = known ? (value - from) * scale + base : 0
      if (shade < 0) shade = 0
      else if (shade > 255) shade = 255
      shade = Math.floor(shade)
      if (inverted && known) shade = 255 - shade
      if (alpha) {
        const share = data[last]! / opaque
        shade = Math.round(shade * share + wall * (1 - share))
      }
      pixels[pixel * count + i] = shade
    }
  }
  return pixels
}

/** Rec. 709 luma, as sharp computes it for 8-bit images of equal channels; linear light is not modelled. */
function luma(rgb: Uint8Array): Uint8Array {
  const grey = new Uint8Array(rgb.length / 3)
  for (let i = 0, at = 0; i < grey.length; i++, at += 3)
    grey[i] = Math.round(0.2126 * rgb[at]! + 0.7152 * rgb[at + 1]! + 0.0722 * rgb[at + 2]!)
  return grey
}

/** Red, green and blue of a colour written as `#rrggbb`. */
export function background(colour: string): [number, number, number] {
  const number = /^#[0-9a-f]{6}$/i.test(colour) ? Number.parseInt(colour.slice(1), 16) : 0xffffff
  return [number >> 16, (number >> 8) & 255, number & 255]
}

/** Memory for decoding a page: its values and its pixels. */
export function bytesOf({ width, height, bands, type }: ValueFacts, channels: number): number {
  return width * height * ((bands + 1) * 2 * valueBytes(type) + channels)
}
