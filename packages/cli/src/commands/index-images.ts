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

/** `selfsup index RUN IMAGES`: makes or brings up to date the index that `search` and `duplicates` look into. */
export async function indexImages(run: string, source: string, flags: IndexFlags): Promise<number> {
  const { split = 'train', strict, json } = flags
  const view = progressView(process.stderr)
  const engine = await startEngine(flags.engine)
  const trained = await openEncoder(run, view)
  if (!json) announce(engine, view)
  const { channels, size } = trained.imageShape
  const { streamImages } = await import('@selfsup/data')
  const drawn = source === 'shapes'
  const dataset = await streamImages(source, {
    split,
    strict,
    ...(drawn ? { imageSize: size } : { channels }),
  })
  const interrupt = interruptible(() => view.note('Stopping; what is indexed stays.'))
  const { signal } = interrupt
  const { updateIndex } = await import('@selfsup/retrieval')
  const { index, others } = await openRunIndex(run, trained, true)
  const embedder = await imageEmbedder(trained, dataset, { engine, signal })
  try {
    const listing = await listingOf(source, split, dataset)
    let told = Date.now()
    const update = await updateIndex(index, listing, embedder.embed, {
      signal,
      onProgress(done, total) {
        if (total === 0 || (done > 0 && Date.now() - told < 5000)) return
        told = Date.now()
        view.note(`Features of ${done} of ${total} images that are new or have changed`)
      },
    })
    reportSkipped(dataset, view)
    const images = await index.count()
    if (json) console.log(JSON.stringify({ run, index: index.folder, images, ...update }))
    else {
      const { added, changed, removed, unchanged } = update
      view.note(
        `${images} images in the index: ${added} new, ${changed} changed, ${removed} dropped, ${unchanged} as they were. It lies in ${index.folder}`,
      )
      if (others.length > 0)
        view.note(`Indexes of other weights lie beside it and may be deleted: ${others.join(', ')}`)
      view.note(`Next:\n  selfsup search ${shellWord(run)} PICTURE\n  selfsup duplicates ${shellWord(run)}`)
    }
    return 0
  } finally {
    interrupt.release()
    embedder.dispose()
    index.close()
    trained.dispose()
    await dataset.close()
  }
}
