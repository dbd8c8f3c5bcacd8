import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { isAbsolute } from 'node:path'
import { SelfsupError } from '@selfsup/core'
import { absoluteSource, greyOrColour, joinedFeatures, overrideReading } from '@selfsup/runs'
import type { Settings } from '../config.js'
import { openEncoder } from '../encoder.js'
import { startEngine } from '../engine.js'
import { type ImageFlags, readingOf } from '../image-flags.js'
import { embedderOf, imageEmbedder, listingOf, openRunIndex } from '../image-search.js'
import { interruptible } from '../interrupt.js'
import { type ProgressView, progressView } from '../progress.js'
import { extractionOf, writeShares } from '../shares.js'
import { shellWord } from '../table.js'
import { announce, reportSkipped } from '../training.js'

/** Flags of `selfsup index`. */
export interface IndexFlags extends ImageFlags {
  readonly split?: 'train' | 'test'
  /** `2/4`: only compute the features of the second of four shares */
  readonly shard?: string
  /** number of shares whose features to join */
  readonly merge?: number
  readonly strict?: boolean
  /** remove the images from the index */
  readonly drop?: boolean
  readonly engine?: Settings['engine']
  readonly json?: boolean
}

/**
 * `selfsup index RUN IMAGES`: creates or updates the index for `search` and `duplicates`. If the folder no longer exists,
 * its images leave the index.
 */
export async function indexImages(run: string, source: string, flags: IndexFlags): Promise<number> {
  const { split = 'train', strict, json, merge } = flags
  if (flags.drop && (flags.shard ?? merge) !== undefined)
    throw new SelfsupError('--drop removes images and has no shares; leave out --shard and --merge')
  if (flags.shard !== undefined) return writeShares(run, [source], flags)
  const view = progressView(process.stderr)
  if (flags.drop || (await isGone(source))) return dropImages(run, source, flags, view)
  const engine = await startEngine(flags.engine)
  const encoder = await openEncoder(run, view)
  if (!json) announce(engine, view)
  const { channels, size, reading } = encoder.imageShape
  const { streamImages } = await import('@selfsup/data')
  const drawn = source === 'shapes'
  const dataset = await streamImages(source, {
    split,
    strict,
    reading: overrideReading(reading, readingOf(flags)),
    onNote: view.note,
    ...(drawn ? { imageSize: size } : { channels: greyOrColour(channels) }),
  })
  const interrupt = interruptible(() => view.note('Stopping; images indexed so far stay in the index.'))
  const { signal } = interrupt
  const { updateIndex } = await import('@selfsup/retrieval')
  const { index, others } = await openRunIndex(run, encoder, { signal, onWait: waiting(view) })
  const extraction = { ...extractionOf(encoder, engine), signal }
  const embedder =
    merge === undefined
      ? await imageEmbedder(encoder, dataset, { engine, signal })
      : embedderOf(await joinedFeatures(encoder.maker, dataset, merge, extraction))
  try {
    const listing = await listingOf(source, split, dataset)
    let lastNote = Date.now()
    const update = await updateIndex(index, listing, embedder.embed, {
      signal,
      onProgress(done, total) {
        if (total === 0 || (done > 0 && Date.now() - lastNote < 5000)) return
        lastNote = Date.now()
        view.note(`Computed features of ${done} of ${total} new or changed images`)
      },
    })
    reportSkipped(dataset, view)
    const images = await index.count()
    if (json) console.log(JSON.stringify({ run, index: index.folder, images, ...update }))
    else {
      const { added, changed, removed, moved, unchanged, missing } = update
      view.note(
        `${images} images in the index: ${added} new, ${changed} changed, ${moved} moved, ${removed} removed, ${unchanged} unchanged. The index is in ${index.folder}`,
      )
      for (const { source: folder, images: gone } of missing)
        view.note(
          `${folder} no longer exists: searches leave out its ${gone} images. If it has moved, index its new location; to remove them: selfsup index ${shellWord(run)} ${shellWord(folder)} --drop`,
        )
      if (others.length > 0)
        view.note(`Indexes for earlier weights are next to it; you may delete them: ${others.join(', ')}`)
      view.note(`Next:\n  selfsup search ${shellWord(run)} IMAGE\n  selfsup duplicates ${shellWord(run)}`)
    }
    return 0
  } finally {
    interrupt.release()
    embedder.dispose()
    await index.close()
    encoder.dispose()
    await dataset.close()
  }
}

function waiting(view: ProgressView) {
  return () => view.note('Another process updates this index; waiting until it has finished')
}

/** Whether images are named by a path at which there is nothing. */
async function isGone(source: string): Promise<boolean> {
  const path = absoluteSource(source)
  if (!isAbsolute(path)) return false
  return stat(path).then(
    () => false,
    ({ code }: NodeJS.ErrnoException) => code === 'ENOENT',
  )
}

/** Removes the images of a folder from the index. @throws SelfsupError if the index has none of that folder */
async function dropImages(
  run: string,
  source: string,
  { engine, json, drop }: IndexFlags,
  view: ProgressView,
): Promise<number> {
  await startEngine(engine)
  const encoder = await openEncoder(run, view)
  try {
    const { removeSource } = await import('@selfsup/retrieval')
    // Creates no index for a path that does not exist.
    const known = await openRunIndex(run, encoder, false).catch((error) => {
      throw drop ? error : notIndexed(run, source)
    })
    await known.index.close()
    const { index } = await openRunIndex(run, encoder, { onWait: waiting(view) })
    try {
      const removed = await removeSource(index, absoluteSource(source))
      if (removed === 0) throw notIndexed(run, source)
      const images = await index.count()
      if (json) console.log(JSON.stringify({ run, index: index.folder, images, removed }))
      else view.note(`${removed} images of ${source} removed from the index; ${images} are left`)
      return 0
    } finally {
      await index.close()
    }
  } finally {
    encoder.dispose()
  }
}

function notIndexed(run: string, source: string): SelfsupError {
  const gone = existsSync(absoluteSource(source)) ? ':' : ' does not exist, and'
  return new SelfsupError(`${source}${gone} the index of ${run} has no images of it`, {
    code: 'not-found',
    fix: 'check the path',
    path: source,
  })
}
