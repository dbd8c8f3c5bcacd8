import type { HostImages } from '@selfsup/core'

/** Colour statistics of images. */
export interface Colour {
  /** median over the images of Hasler & Süsstrunk's measure: 0 grey, 15 slightly, 33 moderately, 59 quite, 109 extremely colourful */
  readonly colourfulness: number
  /** fraction of grey images, whatever their file format */
  readonly grey: number
  /**
   * Root mean square distance, in the a-b plane of CIE Lab, of colours from the mean colour at the same lightness over all
   * images. 0 for grey and for tinted images, about 10 to 20 for photographs.
   */
  readonly beyondBrightness: number
}

/** Images up to this colourfulness count as grey: JPEG compression of grey images causes this much. */
const GREY = 3

const BINS = 16

/**
 * Colourfulness of each image (Hasler & Süsstrunk 2003, Measuring colourfulness in natural images, eq. for M^(3)): standard
 * deviation plus 0.3 times the mean of the opponent colours R - G and (R + G) / 2 - B, for values 0..255.
 * @param images [count, height, width, 1 or 3]; one channel is grey
 * @returns [count]
 */
export function colourfulness({ data, shape: [count, height, width, channels] }: HostImages): Float64Array {
  const pixels = height * width
  return Float64Array.from({ length: count }, (_, image) => {
    if (channels === 1) return 0
    let [rg, rg2, yb, yb2] = [0, 0, 0, 0]
    for (let at = image * pixels * 3; at < (image + 1) * pixels * 3; at += 3) {
      const [r, g, b] = [data[at]!, data[at + 1]!, data[at + 2]!]
      rg += r - g
      rg2 += (r - g) ** 2
      yb += (r + g) / 2 - b
      yb2 += ((r + g) / 2 - b) ** 2
    }
    const [meanRg, meanYb] = [rg / pixels, yb / pixels]
    const variance = rg2 / pixels - meanRg ** 2 + yb2 / pixels - meanYb ** 2
    return Math.sqrt(Math.max(0, variance)) + 0.3 * Math.hypot(meanRg, meanYb)
  })
}

/** @param images [count, side, side, 1 or 3] */
export function colour(images: HostImages): Colour {
  const each = colourfulness(images)
  if (each.length === 0) return { colourfulness: 0, grey: 0, beyondBrightness: 0 }
  return {
    colourfulness: each.slice().sort()[Math.floor(each.length / 2)]!,
    grey: each.filter((value) => value <= GREY).length / each.length,
    beyondBrightness: images.shape[3] === 1 ? 0 : beyondBrightness(images.data),
  }
}

/** Deviation of a and b from their means at the same lightness, over every third pixel. */
function beyondBrightness(data: Uint8Array): number {
  const sums = Array.from({ length: BINS }, () => [0, 0, 0, 0])
  for (let at = 0; at + 2 < data.length; at += 9) {
    const [lightness, a, b] = lab(data[at]!, data[at + 1]!, data[at + 2]!)
    const bin = sums[Math.min(BINS - 1, Math.floor((lightness * BINS) / 100))]!
    bin[0]! += 1
    bin[1]! += a
    bin[2]! += b
    bin[3]! += a * a + b * b
  }
  let [total, left] = [0, 0]
  for (const [count, a, b, squares] of sums as [number, number, number, number][]) {
    if (count === 0) continue
    total += count
    left += squares - (a * a + b * b) / count
  }
  return Math.sqrt(Math.max(0, left) / Math.max(1, total))
}

/** Converts sRGB 0..255 to CIE Lab under D65 (CIE 15:2004; IEC 61966-2-1). */
export function lab(red: number, green: number, blue: number): [lightness: number, a: number, b: number] {
  const [r, g, b] = [linear[red]!, linear[green]!, linear[blue]!]
  const x = root((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047)
  const y = root(0.2126729 * r + 0.7151522 * g + 0.072175 * b)
  const z = root((0.0193339 * r + 0.119192 * g + 0.9503041 * b) / 1.08883)
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)]
}

const linear = Float64Array.from({ length: 256 }, (_, value) => {
  const part = value / 255
  return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
})

function root(value: number): number {
  return value > 216 / 24389 ? Math.cbrt(value) : (24389 / 27 / 116) * value + 16 / 116
}
