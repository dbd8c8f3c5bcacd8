import type { ImageReading } from '@selfsup/core'
import type { DuplicateGroup } from '@selfsup/retrieval'
import type { Settings } from '../config.js'
import { writeCsv } from '../csv.js'
import { openEncoder } from '../encoder.js'
import { startEngine } from '../engine.js'
import { openRunIndex } from '../image-search.js'
import { expectPng, writeSheet } from '../image-sheet.js'
import { interruptible } from '../interrupt.js'
import { printableLine } from '../printable.js'
import { type ProgressView, progressView } from '../progress.js'
import { describeRandomPairs } from '../random-pairs.js'
import { shellWord } from '../table.js'

/** Flags of `selfsup duplicates`. */
export interface DuplicateFlags {
  readonly similarity?: number
  readonly sheet?: string
  readonly csv?: string
  readonly engine?: Settings['engine']
  readonly json?: boolean
}

/** `selfsup duplicates RUN`: finds groups of near-duplicates in the run's index. */
export async function duplicates(run: string, flags: DuplicateFlags): Promise<number> {
  const { sheet, csv, json } = flags
  expectPng(sheet)
  const view = progressView(process.stderr)
  await startEngine(flags.engine)
  const encoder = await openEncoder(run, view)
  const { index } = await openRunIndex(run, encoder, false)
  const interrupt = interruptible(() => view.note('Stopping.'))
  try {
    const { duplicateThreshold, nearDuplicates } = await import('@selfsup/retrieval')
    const randomPairs = await describeRandomPairs(index, view)
    const similarity = flags.similarity ?? duplicateThreshold(randomPairs ?? { median: 0 })
    let lastNote = Date.now()
    const found = await nearDuplicates(index, {
      similarity,
      signal: interrupt.signal,
      onProgress(done, total) {
        if (Date.now() - lastNote < 5000) return
        lastNote = Date.now()
        view.note(`Compared ${done} of ${total} images with all others`)
      },
    })
    const { groups, missing } = await existing(found)
    const images = await index.count()
    if (json) console.log(JSON.stringify({ run, similarity, randomPairs, images, groups, missing }))
    else {
      for (const group of groups)
        console.log(
          `${group.paths.length} images, similarity ${digits(group.similarity)}\n${group.paths.map((path) => `  ${printableLine(path)}`).join('\n')}`,
        )
      view.note(
        `${groups.length === 1 ? '1 group' : `${groups.length} groups`} of near-duplicates among ${images} images (similarity >= ${digits(similarity)}${flags.similarity === undefined ? ', from random pairs' : ''})`,
      )
      const grouped = groups.reduce((sum, { paths }) => sum + paths.length, 0)
      if (grouped > images / 2)
        view.note(
          `Warning: ${grouped} of ${images} images have a near-duplicate. Look at some of them with --sheet before you remove any: if they are different images, the run cannot tell them apart`,
        )
    }
    if (missing > 0)
      view.note(
        `${missing === 1 ? '1 image' : `${missing} images`} of the groups no longer ${missing === 1 ? 'exists and was' : 'exist and were'} left out. Update the index: selfsup index ${shellWord(run)} IMAGES`,
      )
    await writeGroups(groups, { sheet, csv, reading: encoder.imageShape.reading }, view)
    return 0
  } finally {
    interrupt.release()
    await index.close()
    encoder.dispose()
  }
}

/** Writes groups to a CSV file and draws them on a sheet, if asked to. */
async function writeGroups(
  groups: readonly DuplicateGroup[],
  { sheet, csv, reading }: Pick<DuplicateFlags, 'sheet' | 'csv'> & { reading: ImageReading },
  view: ProgressView,
): Promise<void> {
  const rows = groups.flatMap(({ paths, sources, similarity }, i) =>
    paths.map((path, j) => ({ path, source: sources[j]!, group: i + 1, similarity })),
  )
  if (csv)
    await writeCsv(
      csv,
      ['group', 'similarity', 'image'],
      rows.map(({ path, group, similarity }) => [group, similarity, path]),
    )
  if (!sheet) return
  if (rows.length === 0) return view.note(`There are no groups to draw: ${sheet} was not written`)
  const captioned = rows.map(({ path, source, group, similarity }) => ({
    path,
    source,
    caption: `${group}: ${digits(similarity)}`,
  }))
  await writeSheet(sheet, captioned, view, reading)
  view.note(`Wrote ${sheet}: group and similarity are below each image`)
}

/** As many digits as a similarity near 1 needs: 0.99990. */
function digits(similarity: number): string {
  return similarity.toFixed(similarity > 0.999 ? 6 : 4)
}

/** The groups without images that no longer exist, and how many images were left out. */
async function existing(
  groups: readonly DuplicateGroup[],
): Promise<{ groups: DuplicateGroup[]; missing: number }> {
  const { isOnDisk } = await import('@selfsup/retrieval')
  const found: DuplicateGroup[] = []
  let missing = 0
  for (const group of groups) {
    const there = await Promise.all(
      group.paths.map((path, i) => isOnDisk({ path, source: group.sources[i]! })),
    )
    const paths = group.paths.filter((_, i) => there[i])
    missing += group.paths.length - paths.length
    if (paths.length > 1) found.push({ ...group, paths, sources: group.sources.filter((_, i) => there[i]) })
  }
  return { groups: found, missing }
}
