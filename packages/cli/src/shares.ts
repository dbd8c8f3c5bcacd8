import { type ImageDataset, SelfsupError } from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import { runPaths } from '@selfsup/run-folder'
import { type Extraction, greyOrColour, openSource, overrideReading, shareOfFeatures } from '@selfsup/runs'
import type { Settings } from './config.js'
import { type OpenedEncoder, openEncoder } from './encoder.js'
import { startEngine } from './engine.js'
import { type ImageFlags, readingOf } from './image-flags.js'
import { interruptible } from './interrupt.js'
import { progressView } from './progress.js'
import { shardOf } from './shards.js'
import { announce, reportSkipped } from './training.js'

/** Flags that matter to a share of features. */
interface ShareFlags extends ImageFlags {
  readonly shard?: string
  readonly merge?: number
  readonly limit?: number
  readonly split?: 'train' | 'test'
  readonly strict?: boolean
  readonly engine?: Settings['engine']
  readonly json?: boolean
}

/** How an encoder extracts features, which are cached in its folder. */
export function extractionOf(
  { folder, normalisation, imageShape: { size }, resampling }: OpenedEncoder,
  engine: Engine,
): Omit<Extraction, 'limit'> {
  return { engine, cache: runPaths(folder).features, normalisation, size, resampling }
}

/**
 * Computes a share of the features of images and saves it in the run's folder, for `--merge` of `index` and `evaluate`.
 * @param sources images; of two, the second are test images
 */
export async function writeShares(
  run: string,
  sources: readonly string[],
  flags: ShareFlags,
): Promise<number> {
  const { limit, merge, strict, json } = flags
  const share = shardOf(flags.shard!)
  for (const [name, value] of Object.entries({ '--limit': limit, '--merge': merge }))
    if (value !== undefined) throw new SelfsupError(`--shard and ${name} are both set; set only one of them`)
  const view = progressView(process.stderr)
  const engine = await startEngine(flags.engine)
  const encoder = await openEncoder(run, view)
  if (!json) announce(engine, view)
  const { channels, size, reading } = encoder.imageShape
  const interrupt = interruptible(() => view.note('Stopping.'))
  const { signal } = interrupt
  const written: { source: string; count: number }[] = []
  try {
    for (const [i, source] of sources.entries()) {
      const options = { strict, onNote: view.note, reading: overrideReading(reading, readingOf(flags)) }
      const drawn = source === 'shapes'
      // As `index` and `evaluate` open them, so that fingerprints agree.
      let dataset: ImageDataset
      if (sources.length === 1) {
        const { streamImages } = await import('@selfsup/data')
        const shape = drawn ? { imageSize: size } : { channels: greyOrColour(channels) }
        dataset = await streamImages(source, { split: flags.split ?? 'train', ...options, ...shape })
      } else {
        const split = i === 0 ? 'train' : 'test'
        dataset = await openSource(source, {
          split,
          channels: drawn ? undefined : channels,
          size,
          signal,
          ...options,
        })
      }
      try {
        const extraction = { ...extractionOf(encoder, engine), signal, onNote: view.note }
        const { count } = await shareOfFeatures(encoder.maker, dataset, share, extraction)
        reportSkipped(dataset, view)
        if (!json) view.note(`Share ${share.number} of ${share.count}: ${count} images of ${source}`)
        written.push({ source, count })
      } finally {
        await dataset.close()
      }
    }
    if (json) console.log(JSON.stringify({ run, shard: flags.shard, written }))
    else view.note(`When all shares are computed, run the same command with --merge ${share.count}`)
    return 0
  } finally {
    interrupt.release()
    encoder.dispose()
  }
}
