import { copyFile, mkdir, readFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { derive, expected, SelfsupError, uniforms } from '@selfsup/core'
import type { Features } from '@selfsup/evaluation'
import type { ImageIndex } from '@selfsup/retrieval'
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

/** Flags of `selfsup select`. */
export interface SelectFlags {
  readonly count: number
  readonly strategy?: Strategy
  readonly labelled?: string
  readonly seed?: number
  readonly csv?: string
  readonly copy?: string
  readonly sheet?: string
  readonly engine?: Settings['engine']
  readonly json?: boolean
}

type Strategy = 'typical' | 'k-centre' | 'random'

/** An image that can be selected. */
interface Candidate {
  readonly path: string
  readonly source: string
}

/** `selfsup select RUN -n COUNT`: chooses the indexed images that are most worth labelling. */
export async function select(run: string, flags: SelectFlags): Promise<number> {
  const { count, strategy = 'typical', seed = 1, json, csv, copy, sheet } = flags
  const view = progressView(process.stderr)
  expectPng(sheet)
  await startEngine(flags.engine)
  const encoder = await openEncoder(run, view)
  const { index } = await openRunIndex(run, encoder, false)
  const interrupt = interruptible(() => view.note('Stopping.'))
  try {
    if (strategy !== 'random') await describeRandomPairs(index, view)
    const { images, features } = await candidates(index)
    const labelled = flags.labelled ? await labelledRows(flags.labelled, images, view) : []
    const rows = await chosen(strategy, features, { count, labelled, seed, signal: interrupt.signal })
    const selected = Array.from(rows, (row) => images[row]!)
    if (json) console.log(JSON.stringify({ run, strategy, seed, images: selected.map(({ path }) => path) }))
    else console.log(selected.map(({ path }) => printableLine(path)).join('\n'))
    if (csv)
      await writeCsv(
        csv,
        ['rank', 'image'],
        selected.map(({ path }, i) => [i + 1, path]),
      )
    if (copy) await copyImages(copy, selected, view)
    if (sheet) {
      const captions = selected.map((image, i) => ({ ...image, caption: String(i + 1) }))
      await writeSheet(sheet, captions, view, encoder.imageShape.reading)
    }
    view.note(`Selected ${selected.length} of ${images.length} images, in the order of selection`)
    return 0
  } finally {
    interrupt.release()
    await index.close()
    encoder.dispose()
  }
}

/** All indexed images that still exist, with their features. */
async function candidates(index: ImageIndex): Promise<{ images: Candidate[]; features: Features }> {
  const { isOnDisk } = await import('@selfsup/retrieval')
  const { rowsOf } = await import('@selfsup/evaluation')
  const [all, width] = [await index.count(), index.width!]
  const values = new Float32Array(all * width)
  const paths: string[] = []
  for await (const rows of index.rows()) {
    values.set(rows.values, paths.length * width)
    paths.push(...rows.paths)
  }
  const sources = new Map<string, string>()
  const there: number[] = []
  for await (const rows of index.listing()) {
    const found = await Promise.all(rows.map(isOnDisk))
    for (const [i, { path, source }] of rows.entries()) if (found[i]) sources.set(path, source)
  }
  for (const [row, path] of paths.entries()) if (sources.has(path)) there.push(row)
  expected(there.length > 0, 'select: all indexed images are gone', {
    code: 'not-found',
    fix: 'index the images again',
  })
  const whole: Features = {
    values,
    count: all,
    width,
    labels: new Int32Array(all).fill(-1),
    indices: Int32Array.from({ length: all }, (_, row) => row),
  }
  return {
    images: there.map((row) => ({ path: paths[row]!, source: sources.get(paths[row]!)! })),
    features: rowsOf(whole, there),
  }
}

interface Choice {
  readonly count: number
  readonly labelled: readonly number[]
  readonly seed: number
  readonly signal: AbortSignal
}

async function chosen(strategy: Strategy, features: Features, choice: Choice): Promise<Uint32Array> {
  const { selectKCentre, selectTypical } = await import('@selfsup/evaluation')
  const free = features.count - choice.labelled.length
  expected(
    choice.count <= free,
    `select: -n must be at most ${free}, the indexed images without a label; got ${choice.count}`,
  )
  if (strategy === 'typical') return selectTypical(features, choice)
  if (strategy === 'k-centre') return selectKCentre(features, choice)
  const known = new Set(choice.labelled)
  const draws = uniforms(derive([choice.seed, 0x5e1], 0), features.count)
  return Uint32Array.from([...draws.keys()].filter((row) => !known.has(row)))
    .sort((a, b) => draws[a]! - draws[b]!)
    .subarray(0, choice.count)
}

/** Rows of the images that a text file lists. */
async function labelledRows(
  file: string,
  images: readonly Candidate[],
  view: ProgressView,
): Promise<number[]> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new SelfsupError(`${file} cannot be read (${error.code})`, { code: 'not-found', path: file })
  })
  const listed = new Set(
    text
      .split(/\r?\n/)
      .filter(Boolean)
      .map((line) => resolve(line)),
  )
  const rows = [...images.keys()].filter((row) => listed.has(resolve(images[row]!.path)))
  expected(rows.length > 0, `${file}: none of its ${listed.size} lines is the path of an indexed image`, {
    path: file,
  })
  if (rows.length < listed.size)
    view.note(
      `${listed.size - rows.length} of the ${listed.size} lines of ${file} are not paths of indexed images`,
    )
  return rows
}

/** Copies images to a folder as `0001-name.jpg`, so that names are different and in order. */
async function copyImages(folder: string, images: readonly Candidate[], view: ProgressView): Promise<void> {
  const { isOwnFile } = await import('@selfsup/retrieval')
  const digits = Math.max(4, String(images.length).length)
  await mkdir(folder, { recursive: true })
  let copied = 0
  for (const [i, image] of images.entries()) {
    if (!isOwnFile(image)) continue
    const name = `${String(i + 1).padStart(digits, '0')}-${basename(image.path)}`
    await copyFile(image.path, join(folder, name)).catch((error: NodeJS.ErrnoException) => {
      throw new SelfsupError(`${image.path} can't be copied to ${folder} (${error.code})`, {
        code: 'write-failed',
        path: folder,
      })
    })
    copied++
  }
  view.note(
    `Copied ${copied} images to ${folder}${copied < images.length ? `; ${images.length - copied} are not files of their own` : ''}`,
  )
}
