import { readdir, stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import {
  type DatasetSource,
  expected,
  type ImageDataset,
  type ImageReading,
  SelfsupError,
} from '@selfsup/core'
import { imageCacheFolder } from './cache-folder.js'
import { cifarImages, isCifarBatch } from './cifar.js'
import { digitCanvas } from './digit-canvas.js'
import type { EncodedImages } from './encoded-images.js'
import { extensions, folderImages } from './folder-images.js'
import { isRemote, withoutSecrets } from './http-source.js'
import { idxImages, isIdxImages } from './idx.js'
import { imageParts } from './image-parts.js'
import { throwOutage } from './outage.js'
import { cachedPixels } from './pixel-cache.js'
import { imageReader } from './reading/reader.js'
import { completeReading, type ResolvedReading, resolveReading } from './reading/resolve-reading.js'
import { recordDataset } from './record-dataset.js'
import { shapes } from './shapes/shapes.js'
import { streamDataset } from './stream-dataset.js'
import { isTar, tarImages } from './tar-images.js'

export interface OpenOptions {
  /** 3 for colour (default for image files), 1 for grey */
  readonly channels?: 1 | 3
  /**
   * How values of image files become pixels: bands, range, background, page, tiles. Missing parts get their defaults. The dataset's
   * `reading` has what was resolved; pass it to read other images in the same way.
   */
  readonly reading?: Partial<ImageReading>
  /** resize every image to a square of this side length when it is decoded for the cache; default: only small images of equal size are cached, unresized */
  readonly imageSize?: number
  /** split of MNIST, CIFAR and shapes; default train */
  readonly split?: 'train' | 'test'
  /** throw at the first image that cannot be read instead of skipping it */
  readonly strict?: boolean
  /** folder of the cache of decoded small images */
  readonly cacheFolder?: string
  /** number of images; only for `shapes` and `canvas:` */
  readonly count?: number
  /** seed of the images; only for `shapes` and `canvas:` */
  readonly seed?: number
  readonly signal?: AbortSignal
  /** called with what is unusual about the images: files left out, more bands than are used, measured ranges */
  readonly onNote?: (text: string) => void
  /** called while small images are decoded for the first time */
  readonly onProgress?: (done: number, total: number) => void
}

/** Prefix of a source of digits to place on a canvas. */
const CANVAS = 'canvas:'

/** Largest side length of images that are decoded once and cached, if all have the same size. */
const SMALL = 96

/**
 * Opens images from any of these sources:
 * - a folder of image files, flat or with one subfolder per class: JPEG, PNG, WebP, AVIF, GIF, TIFF, NumPy arrays, and with
 *   optional packages BMP, HEIC, JPEG XL, JPEG 2000, DICOM and NIfTI;
 * - MNIST's IDX files, gzipped or not, or their folder;
 * - CIFAR's binary batches, or their folder;
 * - a tar in WebDataset format, or several as `name-{000..009}.tar`, on disk or on a server (`https://`, `s3://`);
 * - `shapes`: images drawn by this package;
 * - `canvas:SOURCE`: small grey images such as MNIST's, placed on a canvas of 64 pixels, with bounding boxes.
 * @throws SelfsupError if no images are found; the message says what was looked for
 */
export async function openImages(source: string, options: OpenOptions = {}): Promise<ImageDataset> {
  const found = await findImages(source, options)
  const dataset =
    'encoded' in found
      ? await encoded(found.encoded, options)
      : Object.assign(found.dataset, { reading: completeReading(options.reading) })
  return Object.assign(dataset, { source: sourceOf(source, options) })
}

/** Arguments that open the same images again, from any working directory. */
function sourceOf(source: string, options: OpenOptions): DatasetSource {
  const [, canvas = '', path = source] = /^(canvas:)(.*)$/.exec(source) ?? []
  const { channels, imageSize, split, strict, count, seed } = options
  const given: [string, string | number | boolean | undefined][] = Object.entries({
    channels,
    imageSize,
    split,
    strict,
    count,
    seed,
  })
  return {
    path: path === 'shapes' || isRemote(path) ? source : `${canvas}${resolve(path)}`,
    options: Object.fromEntries(
      given.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
    ),
  }
}

/** Finds the images that `openImages` opens, without decoding files. */
export async function findImages(
  source: string,
  options: Pick<OpenOptions, 'split' | 'imageSize' | 'count' | 'seed' | 'reading' | 'onNote' | 'cacheFolder'>,
): Promise<{ readonly encoded: EncodedImages } | { readonly dataset: ImageDataset }> {
  const { split = 'train', imageSize } = options
  expected(split === 'train' || split === 'test', `split must be train or test; got ${split}`)
  if (source === 'shapes')
    return { dataset: shapes({ size: imageSize, split, count: options.count, seed: options.seed }) }
  if (source.startsWith(CANVAS)) {
    const digits = await openImages(source.slice(CANVAS.length), { split })
    return {
      dataset: await digitCanvas(digits, { size: imageSize, count: options.count, seed: options.seed }),
    }
  }
  if (isTar(source)) {
    const { reading, cacheFolder } = options
    return { encoded: await tarImages(source, { former: reading?.former, cacheFolder }) }
  }
  expected(
    !isRemote(source),
    `${withoutSecrets(source)}: only tars can be read from a server, such as https://host/train-{000..146}.tar`,
  )
  const found = await stat(source).catch(() => undefined)
  if (!found)
    throw new SelfsupError(`${source} does not exist`, {
      code: 'not-found',
      fix: 'pass a folder of images, IDX files, CIFAR batches, a .tar file, or shapes',
      path: source,
    })
  if (found.isDirectory()) {
    const names = await readdir(source)
    if (names.some(isIdxImages)) return { dataset: await idxImages(source, true, split) }
    if (names.some(isCifarBatch)) return { dataset: await cifarImages(source, true, split) }
    return {
      encoded: await folderImages(source, { former: options.reading?.former, onNote: options.onNote }),
    }
  }
  if (isIdxImages(basename(source))) return { dataset: await idxImages(source, false, split) }
  if (isCifarBatch(basename(source))) return { dataset: await cifarImages(source, false, split) }
  throw new SelfsupError(
    `${source} is a file of an unsupported type; pass a folder of ${[...extensions].join(', ')}, MNIST files (*-idx3-ubyte[.gz]), CIFAR batches (*.bin) or a .tar file`,
  )
}

async function encoded(files: EncodedImages, options: OpenOptions): Promise<ImageDataset> {
  const { imageSize, strict, signal, onNote, onProgress } = options
  const { images, ...resolved } = await readImages(files, options)
  const size = imageSize ? { width: imageSize, height: imageSize } : await commonSmallSize(images, resolved)
  if (!size) return streamDataset(images, { ...resolved, strict })
  const folder = options.cacheFolder ?? imageCacheFolder()
  try {
    return recordDataset(
      await cachedPixels(images, { folder, ...size, ...resolved, strict, signal, onNote, onProgress }),
    )
  } finally {
    await images.close?.() // the images are in the cache now, or an error was thrown
  }
}

/** Resolves how files are read, and splits them into pages and tiles. */
export async function readImages(
  files: EncodedImages,
  { reading, channels = 3, onNote }: Pick<OpenOptions, 'reading' | 'channels' | 'onNote'>,
): Promise<ResolvedReading & { readonly images: EncodedImages }> {
  try {
    const wanted = completeReading(reading)
    const images = await imageParts(files, wanted)
    return { images, ...(await resolveReading(images, wanted, channels, onNote)) }
  } catch (error) {
    await files.close?.()
    throw error
  }
}

/** The common size of all images, if it is small. Checks up to 64 images; the others are checked when they are decoded. */
async function commonSmallSize(
  images: EncodedImages,
  { reading, channels }: ResolvedReading,
): Promise<{ width: number; height: number } | undefined> {
  const reader = imageReader(reading, channels)
  const samples = Math.min(64, images.count)
  let common: { width: number; height: number } | undefined
  for (let sample = 0; sample < samples; sample++) {
    const index = Math.floor((sample * images.count) / samples)
    const size = await reader.sizeOf(images, index).catch(throwOutage)
    if (!size) continue
    if (Math.max(size.width, size.height) > SMALL) return undefined
    if (common && (common.width !== size.width || common.height !== size.height)) return undefined
    common = { width: size.width, height: size.height }
  }
  return common
}
