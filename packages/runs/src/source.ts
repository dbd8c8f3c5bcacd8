import { resolve } from 'node:path'
import type { ImageDataset } from '@selfsup/core'
import { SelfsupError } from '@selfsup/core'
import type { Run } from '@selfsup/run-folder'
import { z } from 'zod'

/** How images are opened. */
export interface SourceOptions {
  readonly split?: 'train' | 'test'
  readonly channels?: 1 | 3
  /** side of drawn images; of all others, a method's views see to their size */
  readonly size?: number
  readonly count?: number
  readonly seed?: number
  readonly strict?: boolean
  readonly signal?: AbortSignal
  /** told now and then how much of a long opening is done */
  readonly onNote?: (text: string) => void
}

/** A path as it can be found from another folder; the word `shapes` as it is. */
export function absoluteSource(source: string): string {
  const [, canvas = '', path = source] = /^(canvas:)(.*)$/.exec(source) ?? []
  return path === 'shapes' ? source : `${canvas}${resolve(path)}`
}

/** Opens images by path or word, and notes how far the first decoding of small images is. */
export async function openSource(
  source: string,
  { size, onNote, ...options }: SourceOptions = {},
): Promise<ImageDataset> {
  const { openImages } = await import('@selfsup/data')
  return openImages(source, {
    ...options,
    imageSize: source === 'shapes' ? size : undefined,
    onProgress: noting(onNote),
  })
}

function noting(onNote: SourceOptions['onNote']): (done: number, total: number) => void {
  let last = 0
  return (done, total) => {
    const now = Date.now()
    if (now - last < 2000 || done === total) return
    last = now
    onNote?.(`Decoding the images once: ${done} of ${total}`)
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
 * @param options.images where they are now; default: where they were
 * @throws SelfsupError when the run does not know where its images came from and no path is given, or there is nothing
 */
export async function openImagesOfRun(
  { folder, dataset }: Run,
  { images, signal, onNote }: { readonly images?: string } & Pick<SourceOptions, 'signal' | 'onNote'> = {},
): Promise<ImageDataset> {
  const { name, length, fingerprint, source, channels } = dataset
  const path = images ?? source?.path
  if (path === undefined)
    throw new SelfsupError(
      `${folder} does not say where its images came from: say where they are. It was trained on '${name}', ${length} images (fingerprint ${fingerprint})`,
    )
  const { openImages } = await import('@selfsup/data')
  return openImages(path, {
    ...openOptions.parse(source?.options ?? (channels && path !== 'shapes' ? { channels } : {})),
    signal,
    onProgress: noting(onNote),
  })
}
