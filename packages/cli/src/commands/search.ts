import { greyOrColour } from '@selfsup/runs'
import type { Settings } from '../config.js'
import { writeCsv } from '../csv.js'
import { openEncoder } from '../encoder.js'
import { startEngine } from '../engine.js'
import { imageEmbedder, openRunIndex } from '../image-search.js'
import { expectPng, wholeImage, writeSheet } from '../image-sheet.js'
import { progressView } from '../progress.js'
import { describeRandomPairs } from '../random-pairs.js'
import { shellWord, table } from '../table.js'

/** Flags of `selfsup search`. */
export interface SearchFlags {
  readonly k?: number
  readonly exact?: boolean
  readonly sheet?: string
  readonly csv?: string
  readonly engine?: Settings['engine']
  readonly json?: boolean
}

/** `selfsup search RUN IMAGE`: finds the most similar images in the run's index. */
export async function search(run: string, image: string, flags: SearchFlags): Promise<number> {
  const { k = 10, exact, sheet, csv, json } = flags
  const view = progressView(process.stderr)
  expectPng(sheet)
  const { streamImages } = await import('@selfsup/data')
  const engine = await startEngine(flags.engine)
  const encoder = await openEncoder(run, view)
  const { channels, reading } = encoder.imageShape
  const query = await streamImages([image], {
    channels: greyOrColour(channels),
    reading: wholeImage(reading),
    strict: true,
  })
  const { index } = await openRunIndex(run, encoder, false)
  const embedder = await imageEmbedder(encoder, query, { engine })
  try {
    const { values } = await embedder.embed(Uint32Array.of(0))
    const { nearestOnDisk } = await import('@selfsup/retrieval')
    const { neighbours, missing } = await nearestOnDisk(index, values, { k, exact })
    const randomPairs = await describeRandomPairs(index, view)
    const rows = neighbours.map(({ path, similarity }) => [similarity.toFixed(4), path])
    if (json) console.log(JSON.stringify({ run, query: image, neighbours, missing, randomPairs }))
    else console.log(table(['similarity', 'image'], rows))
    if (csv)
      await writeCsv(
        csv,
        ['rank', 'similarity', 'image'],
        rows.map((row, i) => [i + 1, ...row]),
      )
    if (sheet) {
      const results = neighbours.map(({ similarity, ...found }) => ({
        ...found,
        caption: similarity.toFixed(4),
      }))
      const shown = [{ path: image, caption: 'query' }, ...results]
      await writeSheet(sheet, shown, view, reading)
      view.note(`Wrote ${sheet}: the query, then the results with their similarities`)
    }
    if (missing > 0)
      view.note(
        `${missing === 1 ? '1 indexed image that no longer exists was' : `${missing} indexed images that no longer exist were`} left out. Update the index: selfsup index ${shellWord(run)} IMAGES`,
      )
    return 0
  } finally {
    embedder.dispose()
    await index.close()
    encoder.dispose()
  }
}
