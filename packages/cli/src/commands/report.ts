import { basename, join } from 'node:path'
import { earlierReading, type ImageDataset, type ImageReading, SelfsupError } from '@selfsup/core'
import type { DetailSources, LabelledFeatures, RunView, SourcesOf } from '@selfsup/report'
import { type EvaluationRecord, readRun, runPaths, testedOnTraining } from '@selfsup/run-folder'
import { openSource } from '@selfsup/runs'
import { interruptible } from '../interrupt.js'
import { type ProgressView, progressView } from '../progress.js'

/** Flags of `selfsup report`. */
export interface ReportFlags {
  readonly out: string
  readonly title?: string
  readonly mapPoints?: number
  /** false leaves out thumbnails of images */
  readonly images: boolean
}

/** `selfsup report RUNS...`: writes one HTML file about runs. */
export async function report(runs: readonly string[], flags: ReportFlags): Promise<number> {
  const { out, title, mapPoints, images } = flags
  if (!/\.html?$/i.test(out)) throw new SelfsupError(`--out must end in .html; got '${out}'`)
  const view = progressView(process.stderr)
  const interrupt = interruptible(() => view.note('Stopping.'))
  const { report: make, writeReport } = await import('@selfsup/report')
  const sources = detailSources({ view, images, signal: interrupt.signal })
  try {
    const html = await make(runs, { title, mapPoints, sourcesOf: sources.of, signal: interrupt.signal })
    await writeReport(out, html)
    view.note(`Wrote ${out} (${(html.length / 1e6).toFixed(1)} MB). It opens in any browser, offline.`)
    return 0
  } finally {
    interrupt.release()
    await sources.close()
  }
}

interface SourceOptions {
  readonly view: ProgressView
  readonly images: boolean
  readonly signal?: AbortSignal
}

type Split = 'train' | 'test'

/** Opens the sources of embedding maps and thumbnails: cached features, and the evaluated images. Opens each dataset once. */
export function detailSources({ view, images, signal }: SourceOptions): {
  readonly of: SourcesOf
  close(): Promise<void>
} {
  const opened = new Map<string, Promise<ImageDataset>>()
  const open = (images: EvaluatedImages) => {
    const key = JSON.stringify(images)
    const dataset = opened.get(key) ?? openEvaluated(images, { view, signal })
    opened.set(key, dataset)
    dataset.catch(() => opened.delete(key)) // try again next time: the images may be back
    return dataset
  }
  return {
    async of(run) {
      const notes: string[] = []
      const datasets: Partial<Record<Split, ImageDataset>> = {}
      const newest = newestWithFeatures(run)
      const record = images
        ? (newest ??
          [...run.evaluations].sort((a, b) => testedOnTraining(a) - testedOnTraining(b)).find(showsImages))
        : undefined
      for (const split of record ? (['train', 'test'] as const) : []) {
        const { source, fingerprint } = record!.images[split]
        try {
          const reading = await readingOfRun(run.folder)
          datasets[split] = await open({
            source,
            fingerprint,
            split,
            channels: run.images?.channels,
            reading,
          })
        } catch (error) {
          signal?.throwIfAborted()
          notes.push(`no thumbnails of the ${split} images: ${(error as Error).message}`)
        }
      }
      return {
        features: newest && (await evaluatedFeatures(run, newest)),
        datasets,
        notes,
      } satisfies DetailSources
    },
    async close() {
      const all = await Promise.allSettled(opened.values())
      await Promise.all(all.map((dataset) => dataset.status === 'fulfilled' && dataset.value.close()))
    },
  }
}

function showsImages({ neighbours, clusters }: EvaluationRecord): boolean {
  return Boolean(neighbours?.length || clusters?.length)
}

/** The newest record that names its test features, preferably not on the training images. */
function newestWithFeatures({ evaluations }: RunView): EvaluationRecord | undefined {
  return evaluations
    .filter(({ features }) => features?.test)
    .sort((a, b) => testedOnTraining(a) - testedOnTraining(b) || b.step - a.step)[0]
}

interface EvaluatedImages {
  readonly source: string
  readonly fingerprint: string
  readonly split: Split
  readonly channels?: number
  readonly reading: ImageReading
}

/** How a run's images were read. */
async function readingOfRun(folder: string): Promise<ImageReading> {
  const run = await readRun(folder).catch(() => undefined)
  return run?.dataset.reading ?? earlierReading
}

/** Opens the images of an evaluation. @throws SelfsupError if they are missing or have changed */
async function openEvaluated(
  { source, fingerprint, split, channels, reading }: EvaluatedImages,
  { view, signal }: Pick<SourceOptions, 'view' | 'signal'>,
): Promise<ImageDataset> {
  const drawn = source === 'shapes' ? drawnAs(fingerprint) : { channels, reading }
  const dataset = await openSource(source, { split, ...drawn, onNote: view.note, signal })
  if (dataset.fingerprint === fingerprint) return dataset
  await dataset.close()
  throw new SelfsupError(`${source} has changed since the evaluation; evaluate again`)
}

/** Size, seed and number of drawn images, from their fingerprint: `shapes-1-SIZE-SEED-SPLIT-OBJECTS-COUNT`. */
function drawnAs(fingerprint: string): { size?: number; seed?: number; count?: number } {
  const [size, seed, count] = [2, 3, 6].map((part) => Number(fingerprint.split('-')[part]))
  return size && count && Number.isInteger(seed) ? { size, seed, count } : {}
}

/** The test features that a protocol saved; undefined if they are missing. */
async function evaluatedFeatures(
  { folder }: RunView,
  { features }: EvaluationRecord,
): Promise<LabelledFeatures | undefined> {
  const { readFeatures } = await import('@selfsup/evaluation')
  // Only the file name: a record from elsewhere must not point outside the folder.
  return readFeatures(join(runPaths(folder).features, basename(features?.test ?? '')))
}
