import { type HostImages, type ImageDataset, SelfsupError } from '@selfsup/core'
import { type ImageSample, type SampleOptions, sampleDataset } from '@selfsup/data'
import { type Colour, colour } from './colour.js'
import { type Duplicates, duplicates } from './duplicates.js'
import { layout, SMALLEST_LAYOUT } from './layout.js'
import { type Light, light, median } from './light.js'
import { type Orientation, orientation } from './orientation.js'
import type { ToldApart } from './told-apart.js'

/** What pictures are like, as figures. */
export interface Measures {
  readonly name: string
  /** how many pictures there are; how many were looked at; how many of those could be read */
  readonly count: number
  readonly looked: number
  readonly read: number
  readonly unreadable: readonly { readonly path: string; readonly reason: string }[]
  readonly channels: 1 | 3
  /** sides in pixels as they are to be seen, where they are known */
  readonly sizes?: Sizes
  /** parts of the files, where they are files */
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
    /** some of the pairs by their paths or positions */
    readonly examples: readonly (readonly [string, string])[]
  }
  /** absent where there are too few pictures to tell */
  readonly orientation?: Orientation
  readonly layout?: ToldApart
}

export interface Sizes {
  /** of the shorter side */
  readonly smallest: number
  readonly median: number
  readonly largest: number
  /** how many different sizes the sample has */
  readonly different: number
  /** part of the pictures whose longer side is more than twice the shorter */
  readonly elongated: number
}

/** Below this number of pictures nothing can be learned from some and tried on others. */
export const FEWEST = 40

/**
 * Measures a sample of pictures.
 * @throws SelfsupError when none of them could be read
 */
export function measure(sample: ImageSample): Measures {
  const { images, unreadable, files } = sample
  const [read, side, , channels] = images.shape
  if (read === 0) {
    const [first] = unreadable
    throw new SelfsupError(
      `${sample.name}: none of the ${sample.looked} pictures looked at could be read${first ? `; ${first.path}: ${first.reason}` : ''}`,
    )
  }
  const found = duplicates(images, sample.count)
  const different = without(images, new Set(found.pairs.map(([, later]) => later)))
  const enough = different.shape[0] >= FEWEST
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

/** Measures a sample of an open dataset. */
export async function measureDataset(dataset: ImageDataset, options: SampleOptions = {}): Promise<Measures> {
  return measure(await sampleDataset(dataset, options))
}

/** Measures pictures that are at hand. */
export function measureImages(images: HostImages, name = 'pictures'): Measures {
  const [count, height, width] = images.shape
  if (height !== width)
    throw new SelfsupError(
      `measureImages: pictures must be square, [pictures, side, side, 1 or 3]; got [${images.shape}]`,
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

/** Copies left out: what is learned from one would be tried on the other. */
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
