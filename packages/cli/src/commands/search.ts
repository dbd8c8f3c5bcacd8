import { expected } from '@selfsup/core'
import type { Neighbour } from '@selfsup/retrieval'
import type { Settings } from '../config.js'
import { openEncoder } from '../encoder.js'
import { startEngine } from '../engine.js'
import { imageEmbedder, openRunIndex } from '../image-search.js'
import { progressView } from '../progress.js'
import { table } from '../table.js'

/** Flags of `selfsup search`. */
export interface SearchFlags {
  readonly k?: number
  readonly exact?: boolean
  readonly sheet?: string
  readonly engine?: Settings['engine']
  readonly json?: boolean
}

/** Size of the images on a contact sheet, in pixels. */
const THUMBNAIL = 128

/** `selfsup search RUN IMAGE`: finds the most similar images in the run's index. */
export async function search(run: string, image: string, flags: SearchFlags): Promise<number> {
  const { k = 10, exact, sheet, json } = flags
  const view = progressView(process.stderr)
  expected(!sheet || /\.png$/.test(sheet), `--sheet must end in .png; got '${sheet}'`)
  const { streamImages } = await import('@selfsup/data')
  const engine = await startEngine(flags.engine)
  const encoder = await openEncoder(run, view)
  const { channels } = encoder.imageShape
  const query = await streamImages([image], { channels, strict: true })
  const { index } = await openRunIndex(run, encoder, false)
  const embedder = await imageEmbedder(encoder, query, { engine })
  try {
    const { values } = await embedder.embed(Uint32Array.of(0))
    const neighbours = await index.nearest(values, { k, exact })
    if (sheet) await drawSheet(sheet, image, neighbours)
    if (json) console.log(JSON.stringify({ run, query: image, neighbours }))
    else {
      const rows = neighbours.map(({ path, similarity }) => [similarity.toFixed(4), path])
      console.log(table(['similarity', 'image'], rows))
      if (sheet) view.note(`Wrote ${sheet}: the query, then the results, most similar first`)
    }
    return 0
  } finally {
    embedder.dispose()
    index.close()
    encoder.dispose()
  }
}

async function drawSheet(out: string, image: string, neighbours: readonly Neighbour[]): Promise<void> {
  const { contactSheet, streamImages } = await import('@selfsup/data')
  const dataset = await streamImages([image, ...neighbours.map(({ path }) => path)])
  for await (const { images } of dataset.batches({ batchSize: dataset.length, size: THUMBNAIL }))
    await contactSheet(out, images!, { columns: 6 })
}
