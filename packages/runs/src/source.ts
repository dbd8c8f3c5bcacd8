import { resolve } from 'node:path'
import { earlierReading, type ImageDataset, type ImageReading, SelfsupError } from '@selfsup/core'
import type { Run } from '@selfsup/run-folder'
import { z } from 'zod'

/** How images are opened. */
export interface SourceOptions {
  readonly split?: 'train' | 'test'
  readonly channels?: number
  /** how values of image files become pixels; missing parts get their defaults */
  readonly reading?: Partial<ImageReading>
  /** size of drawn images; other images are resized by the method's views */
  readonly size?: number
  readonly count?: number
  readonly seed?: number
  readonly strict?: boolean
  readonly signal?: AbortSignal
  /** called from time to time with the progress of a long opening */
  readonly onNote?: (text: string) => void
}

/** Makes a path absolute; leaves the word `shapes` and the addresses of servers unchanged. */
export function absoluteSource(source: string): string {
  const [, canvas = '', path = source] = /^(canvas:)(.*)$/.exec(source) ?? []
  return path === 'shapes' || /^[a-z0-9]+:\/\//.test(path) ? source : `${canvas}${resolve(path)}`
}

/** Opens images by path or by the word `shapes`, and reports the progress of decoding small images. */
export async function openSource(
  source: string,
  { size, onNote, channels, ...options }: SourceOptions = {},
): Promise<ImageDataset> {
  const { openImages } = await import('@selfsup/data')
  return openImages(source, {
    ...options,
    channels: greyOrColour(channels),
    onNote,
    imageSize: source === 'shapes' ? size : undefined,
    onProgress: noting(onNote),
  })
}

/** Grey or colour if a network takes 1 or 3 channels; otherwise the bands of the reading determine the channels. */
export function greyOrColour(channels: number | undefined): 1 | 3 | undefined {
  return channels === 1 || channels === 3 ? channels : undefined
}

function noting(onNote: SourceOptions['onNote']): (done: number, total: number) => void {
  let last = 0
  return (done, total) => {
    const now = Date.now()
    if (now - last < 2000 || done === total) return
    last = now
    onNote?.(`Decoding images (only once): ${done} of ${total}`)
  }
}

const openOptions = z.object({
  channels: z.union([z.literal(1), z.literal(3)]).optional(),
  imageSize: z.number().optional(),
  split: z.enum(['train', 'test']).optional(),
  strict: z.boolean().optional(),
  count: z.number().optional(),
  seed: z.number().optional(),
})

/**
 * Opens the images that a run was trained on.
 * @param options.images new location of the images; default the path that the run contains
 * @throws SelfsupError if neither the run nor the call names a path, or if nothing is there
 */
export async function openImagesOfRun(
  { folder, dataset }: Run,
  { images, signal, onNote }: { readonly images?: string } & Pick<SourceOptions, 'signal' | 'onNote'> = {},
): Promise<ImageDataset> {
  const { name, length, fingerprint, source, channels, reading = earlierReading } = dataset
  const path = images ?? source?.path
  if (path === undefined)
    throw new SelfsupError(
      `${folder} has no path to its images; pass it as \`images\`. The run was trained on '${name}', ${length} images (fingerprint ${fingerprint})`,
    )
  const { openImages } = await import('@selfsup/data')
  return openImages(path, {
    ...openOptions.parse(source?.options ?? (channels && path !== 'shapes' ? { channels } : {})),
    reading,
    signal,
    onProgress: noting(onNote),
  })
}
