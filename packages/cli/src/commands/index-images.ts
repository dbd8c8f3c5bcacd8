import type { Settings } from '../config.js'
import { openEncoder } from '../encoder.js'
import { startEngine } from '../engine.js'
import { imageEmbedder, listingOf, openRunIndex } from '../image-search.js'
import { interruptible } from '../interrupt.js'
import { progressView } from '../progress.js'
import { shellWord } from '../table.js'
import { announce, reportSkipped } from '../training.js'

/** Flags of `selfsup index`. */
export interface IndexFlags {
  readonly split?: 'train' | 'test'
  readonly strict?: boolean
  readonly engine?: Settings['engine']
  readonly json?: boolean
}

/** `selfsup index RUN IMAGES`: creates or updates the index for `search` and `duplicates`. */
export async function indexImages(run: string, source: string, flags: IndexFlags): Promise<number> {
  const { split = 'train', strict, json } = flags
  const view = progressView(process.stderr)
  const engine = await startEngine(flags.engine)
  const encoder = await openEncoder(run, view)
  if (!json) announce(engine, view)
  const { channels, size } = encoder.imageShape
  const { streamImages } = await import('@selfsup/data')
  const drawn = source === 'shapes'
  const dataset = await streamImages(source, {
    split,
    strict,
    ...(drawn ? { imageSize: size } : { channels }),
  })
  const interrupt = interruptible(() => view.note('Stopping; images indexed so far stay in the index.'))
  const { signal } = interrupt
  const { updateIndex } = await import('@selfsup/retrieval')
  const { index, others } = await openRunIndex(run, encoder, true)
  const embedder = await imageEmbedder(encoder, dataset, { engine, signal })
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
      const { added, changed, removed, unchanged } = update
      view.note(
        `${images} images in the index: ${added} new, ${changed} changed, ${removed} removed, ${unchanged} unchanged. The index is in ${index.folder}`,
      )
      if (others.length > 0)
        view.note(`Indexes for earlier weights are next to it; you may delete them: ${others.join(', ')}`)
      view.note(`Next:\n  selfsup search ${shellWord(run)} IMAGE\n  selfsup duplicates ${shellWord(run)}`)
    }
    return 0
  } finally {
    interrupt.release()
    embedder.dispose()
    index.close()
    encoder.dispose()
    await dataset.close()
  }
}
