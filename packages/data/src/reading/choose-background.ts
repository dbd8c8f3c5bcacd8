import sharp from 'sharp'
import type { EncodedImages } from '../encoded-images.js'
import { MOST_PIXELS } from '../image-header.js'
import { throwOutage } from '../outage.js'
import { isTiff, readerFor } from './format.js'
import type { ValueFacts } from './values.js'

const WHITE = '#ffffff'
const GREY = '#808080'

/** Mean distance to white, of 255, up to which the visible part of an image would vanish on white. */
const NEAR_WHITE = 24

/** Side length of the small version that is looked at. */
const SIDE = 64

/**
 * The colour to put behind transparent pixels: white, or grey if the visible parts of most transparent images are white, such as
 * white products.
 */
export async function chosenBackground(
  images: EncodedImages,
  looks: readonly { readonly index: number; readonly facts: ValueFacts }[],
  onNote: (text: string) => void,
): Promise<string> {
  const transparent = looks.filter(({ facts }) => facts.transparent)
  let seen = 0
  let white = 0
  for (const { index } of transparent) {
    const distance = await distanceToWhite(await images.load(index)).catch(throwOutage)
    if (distance === undefined) continue
    seen++
    if (distance <= NEAR_WHITE) white++
  }
  if (seen === 0 || white * 2 <= seen) return WHITE
  onNote(
    `The visible parts of ${white} of ${seen} transparent images are white; transparency is shown as grey (${GREY})`,
  )
  return GREY
}

/** Mean distance of the visible pixels to white. @returns undefined if no pixel is transparent or none is visible */
async function distanceToWhite(file: Buffer): Promise<number | undefined> {
  if (readerFor(file) || isTiff(file)) return undefined
  const { data, info } = await sharp(file, { pages: 1, limitInputPixels: MOST_PIXELS })
    .toColourspace('srgb')
    .ensureAlpha()
    .resize(SIDE, SIDE, { fit: 'inside', withoutEnlargement: true, kernel: 'nearest' })
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
  let [sum, visible, hidden] = [0, 0, 0]
  for (let at = 0; at < data.length; at += info.channels) {
    if (data[at + 3]! < 128) hidden++
    else {
      visible++
      sum += 255 - (data[at]! + data[at + 1]! + data[at + 2]!) / 3
    }
  }
  return hidden > 0 && visible > 0 ? sum / visible : undefined
}
