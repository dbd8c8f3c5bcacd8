import { type ImageReading, SelfsupError } from '@selfsup/core'
import { type Command, Option } from 'commander'
import { integer } from './flags.js'

/** Flags for how values of image files become pixels. */
export interface ImageFlags {
  readonly range?: string
  readonly bands?: string
  readonly background?: string
  readonly page?: string
  /** false: no tiles, although the run has some */
  readonly tile?: number | false
  readonly stride?: number
}

/**
 * Adds the flags to a command.
 * @param defaults what applies without a flag: `auto`, or what the run was trained with
 */
export function addImageFlags(command: Command, defaults: 'auto' | 'run'): Command {
  const otherwise = (value: string) => (defaults === 'run' ? 'default: as in the run' : `default: ${value}`)
  const added = command
    .option(
      '--range <range>',
      `values shown as black and white: auto (percentiles of a sample), image (of each image), or low,high such as 0,4095 (${otherwise('auto')})`,
    )
    .option(
      '--bands <bands>',
      `bands to use: rgb, all, or numbers from 0 such as 0,3,2 (${otherwise('rgb')})`,
    )
    .option(
      '--background <colour>',
      `colour behind transparent pixels: auto, white, black, gray or #rrggbb (${otherwise('auto: white, or gray for white images')})`,
    )
    .option(
      '--page <page>',
      `page, slice or frame of files with several: a number from 0, or all (${otherwise('the first; of volumes the middle one')})`,
    )
    .option(
      '--tile <pixels>',
      `cut images into square tiles of this size (${otherwise('no tiles')})`,
      integer(2),
    )
    .option('--stride <pixels>', 'distance between tiles (default: the size of a tile)', integer(1))
  return defaults === 'run'
    ? added.addOption(new Option('--no-tile', 'whole images, although the run has tiles'))
    : added
}

const colours: Readonly<Record<string, string>> = {
  auto: 'auto',
  white: '#ffffff',
  black: '#000000',
  gray: '#808080',
  grey: '#808080',
}

/** The reading that the flags describe; only what is given. @throws SelfsupError that names the flag */
export function readingOf({
  range,
  bands,
  background,
  page,
  tile,
  stride,
}: ImageFlags): Partial<ImageReading> {
  return {
    ...(range !== undefined && { range: rangeOf(range) }),
    ...(bands !== undefined && { bands: bandsOf(bands) }),
    ...(background !== undefined && { background: backgroundOf(background) }),
    ...(page !== undefined && { page: pageOf(page) }),
    ...(tile === false && { tile: undefined, stride: undefined }),
    ...(tile !== undefined && tile !== false && { tile }),
    ...(stride !== undefined && { stride }),
  }
}

/** Reports once that augmentations of colours are left out. */
export function noteChannels(channels: number, note: (text: string) => void): void {
  if (channels !== 1 && channels !== 3)
    note(
      `Images have ${channels} channels: views change brightness and contrast, but not hue, saturation or grey, which need red, green and blue`,
    )
}

function rangeOf(text: string): ImageReading['range'] {
  if (text === 'auto' || text === 'image') return text
  const [low, high, ...more] = text.split(',').map((word) => (word.trim() === '' ? Number.NaN : Number(word)))
  if (more.length > 0 || low === undefined || high === undefined || !(low < high))
    throw new SelfsupError(`--range must be auto, image or low,high with low below high; got '${text}'`)
  return { any: { low: [low], high: [high] } }
}

function bandsOf(text: string): ImageReading['bands'] {
  if (text === 'rgb' || text === 'all') return text
  if (!/^\d{1,4}(,\d{1,4})*$/.test(text))
    throw new SelfsupError(`--bands must be rgb, all or numbers from 0 such as 0,3,2; got '${text}'`)
  return text.split(',').map(Number)
}

function backgroundOf(text: string): string {
  const named = Object.hasOwn(colours, text) ? colours[text] : undefined
  if (named) return named
  if (/^#[0-9a-f]{6}$/i.test(text)) return text.toLowerCase()
  throw new SelfsupError(
    `--background must be auto, white, black, gray or a colour such as #808080; got '${text}'`,
  )
}

function pageOf(text: string): ImageReading['page'] {
  if (text === 'auto' || text === 'all') return text
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new SelfsupError(`--page must be a number from 0, or all; got '${text}'`)
}
