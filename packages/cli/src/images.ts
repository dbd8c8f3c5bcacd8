import { resolve } from 'node:path'
import { type ImageDataset, SelfsupError } from '@selfsup/core'
import type { ProgressView } from './progress.js'

/** How a command wants its images opened. */
export interface SourceOptions {
  readonly split?: string
  readonly channels?: 1 | 3
  readonly size?: number
  readonly count?: number
  readonly seed?: number
  readonly strict?: boolean
  readonly signal?: AbortSignal
  readonly view?: ProgressView
}

/** A path as it can be found from another folder; the word `shapes` as it is. */
export function absoluteSource(source: string): string {
  const [, canvas = '', path = source] = /^(canvas:)(.*)$/.exec(source) ?? []
  return path === 'shapes' ? source : `${canvas}${resolve(path)}`
}

/** Opens what a person named, saying how far the first decoding of small pictures is. */
export async function openSource(source: string, options: SourceOptions): Promise<ImageDataset> {
  const { openImages } = await import('@selfsup/data')
  const { split = 'train', view, size, ...rest } = options
  if (split !== 'train' && split !== 'test')
    throw new SelfsupError(`--split must be train or test; got '${split}'`)
  let told = 0
  return openImages(source, {
    ...rest,
    split,
    imageSize: source === 'shapes' ? size : undefined,
    onProgress: (done, total) => {
      const now = Date.now()
      if (now - told < 2000 || done === total) return
      told = now
      view?.note(`Decoding the pictures once: ${done} of ${total}`)
    },
  })
}
