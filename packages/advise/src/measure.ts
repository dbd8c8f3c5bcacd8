import { type HostImages, SelfsupError } from '@selfsup/core'
import type { ImageSample } from '@selfsup/data'
import type { ClassifierAccuracy } from './classifier-accuracy.js'
import { type Colour, colour } from './colour.js'
import { type Duplicates, duplicates } from './duplicates.js'
import { layout, SMALLEST_LAYOUT } from './layout.js'
import { type Light, light, median } from './light.js'
import { type Orientation, orientation } from './orientation.js'

/** Measured properties of images. */
export interface Measures {
  readonly name: string
  /** number of images; number in the sample; number of readable ones in the sample */
  readonly count: number
  readonly looked: number
  readonly read: number
  readonly unreadable: readonly { readonly path: string; readonly reason: string }[]
  readonly channels: 1 | 3
  /** sides in pixels, as displayed; absent if unknown */
  readonly sizes?: Sizes
  /** fractions of the files with a property; absent if the images are not files */
  readonly files?: {
    readonly wide: number
    readonly transparent: number
    readonly cmyk: number
    readonly severalPages: number
  }
  readonly classes: number
  readonly colour: Colour
  readonly light: Light
  readonly duplicates: Duplicates & {
    /** some of the pairs, by their paths or positions */
    readonly examples: readonly (readonly [string, string])[]
  }
  /** absent if there are too few images */
  readonly orientation?: Orientation
  readonly layout?: ClassifierAccuracy
}

export interface Sizes {
  /** shorter side of the images */
  readonly smallest: number
  readonly median: number
  readonly largest: number
  /** number of different sizes in the sample */
  readonly different: number
  /** fraction of images whose longer side is more than twice the shorter one */
  readonly elongated: number
}

/** Minimum number of images for a cross-validated classifier. */
export const FEWEST = 40

export interface MeasureOptions {
  /** whether to train the small classifiers for orientation and layout, which take most of the time; default true */
  readonly classifiers?: boolean
}

/**
 * Measures a sample of images.
 * @throws SelfsupError if none of them could be read
 */
export function measure(sample: ImageSample, { classifiers = true }: MeasureOptions = {}): Measures {
  const { images, unreadable, files } = sample
  const [read, side, , channels] = images.shape
  if (read === 0) {
    const [first] = unreadable
    throw new SelfsupError(
      `${sample.name}: none of the ${sample.looked} images in the sample could be read${first ? `; ${first.path}: ${first.reason}` : ''}`,
    )
  }
  const found = duplicates(images, sample.count)
  const different = without(images, new Set(found.pairs.map(([, later]) => later)))
  const enough = classifiers && different.shape[0] >= FEWEST
  const part = (fits: (file: NonNullable<typeof files>[number]) => boolean) =>
    (files ?? []).filter(fits).length / read
  const place = (slot: number) => {
    const index = sample.indices[slot]!
    return sample.pathOf?.(index) ?? `number ${index}`
  }
  return {
    name: sample.name,
    count: sample.count,
    looked: sample.looked,
    read,
    unreadable,
    channels: channels === 1 ? 1 : 3,
    sizes: sizesOf(sample.sizes),
    files: files && {
      wide: part(({ bits }) => bits > 8),
      transparent: part(({ transparent }) => transparent),
      cmyk: part(({ space }) => space === 'cmyk'),
      severalPages: part(({ pages }) => pages > 1),
    },
    classes: sample.classes?.length ?? 0,
    colour: colour(images),
    light: light(images),
    duplicates: { ...found, examples: found.pairs.slice(0, 3).map(([a, b]) => [place(a), place(b)]) },
    ...(enough && side >= 8 && { orientation: orientation(different) }),
    ...(enough && side >= SMALLEST_LAYOUT && { layout: layout(different) }),
  }
}

/** Measures images in memory. */
export function measureImages(images: HostImages, name = 'images'): Measures {
  const [count, height, width] = images.shape
  if (height !== width)
    throw new SelfsupError(
      `measureImages: images must be square, [count, side, side, 1 or 3]; got [${images.shape}]`,
    )
  return measure({
    name,
    count,
    looked: count,
    images,
    indices: Int32Array.from({ length: count }, (_, i) => i),
    sizes: Array.from({ length: count }, () => [width, height] as const),
    unreadable: [],
  })
}

/** Removes copies, so that no copy of a training image is tested. */
function without({ data, shape }: HostImages, left: ReadonlySet<number>): HostImages {
  const [count, height, width, channels] = shape
  if (left.size === 0) return { data, shape }
  const bytes = height * width * channels
  const kept = Array.from({ length: count }, (_, index) => index).filter((index) => !left.has(index))
  const result = new Uint8Array(kept.length * bytes)
  for (const [to, from] of kept.entries())
    result.set(data.subarray(from * bytes, (from + 1) * bytes), to * bytes)
  return { data: result, shape: [kept.length, height, width, channels] }
}

function sizesOf(sizes: ImageSample['sizes']): Sizes | undefined {
  if (sizes.length === 0) return undefined
  const shorter = sizes.map(([width, height]) => Math.min(width, height))
  return {
    smallest: shorter.reduce((a, b) => Math.min(a, b)),
    median: median(shorter),
    largest: shorter.reduce((a, b) => Math.max(a, b)),
    different: new Set(sizes.map(([width, height]) => `${width}x${height}`)).size,
    elongated:
      sizes.filter(([width, height]) => Math.max(width, height) > 2 * Math.min(width, height)).length /
      sizes.length,
  }
}
