import { basename, join } from 'node:path'
import { type ImageDataset, SelfsupError } from '@selfsup/core'
import type { DetailSources, LabelledFeatures, RunView, SourcesOf } from '@selfsup/report'
import { type EvaluationRecord, runPaths } from '@selfsup/run-folder'
import { openSource } from '@selfsup/runs'
import { interruptible } from '../interrupt.js'
import { type ProgressView, progressView } from '../progress.js'

/** Flags of `selfsup report`. */
export interface ReportFlags {
  readonly out: string
  readonly title?: string
  readonly mapPoints?: number
  /** false: no images of images */
  readonly images: boolean
}

/** `selfsup report RUNS...`: one HTML file about runs, to look at and to send on. */
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
    view.note(`${out}: ${(html.length / 1e6).toFixed(1)} MB, opens in any browser, without a connection`)
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

/** Opens what maps and images of runs are made from: cached features, and the images that were judged; each dataset once. */
export function detailSources({ view, images, signal }: SourceOptions): {
  readonly of: SourcesOf
  close(): Promise<void>
} {
  const opened = new Map<string, Promise<ImageDataset>>()
  const open = (images: JudgedImages) => {
    const key = JSON.stringify(images)
    const dataset = opened.get(key) ?? openJudged(images, { view, signal })
    opened.set(key, dataset)
    dataset.catch(() => opened.delete(key)) // they may come back
    return dataset
  }
  return {
    async of(run) {
      const notes: string[] = []
      const datasets: Partial<Record<Split, ImageDataset>> = {}
      const judged = newestWithFeatures(run)
      const record = images ? (judged ?? run.evaluations.find(showsImages)) : undefined
      for (const split of record ? (['train', 'test'] as const) : []) {
        const { source, fingerprint } = record!.images[split]
        try {
          datasets[split] = await open({ source, fingerprint, split, channels: run.images?.channels })
        } catch (error) {
          signal?.throwIfAborted()
          notes.push(`no images of the ${split} images: ${(error as Error).message}`)
        }
      }
      return {
        features: judged && (await judgedFeatures(run, judged)),
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

/** The newest record that names the test features that it judged. */
function newestWithFeatures({ evaluations }: RunView): EvaluationRecord | undefined {
  return evaluations.filter(({ features }) => features?.test).sort((a, b) => b.step - a.step)[0]
}

interface JudgedImages {
  readonly source: string
  readonly fingerprint: string
  readonly split: Split
  readonly channels?: 1 | 3
}

/** The images that a protocol judged. @throws SelfsupError when they are gone or others stand in their place */
async function openJudged(
  { source, fingerprint, split, channels }: JudgedImages,
  { view, signal }: Pick<SourceOptions, 'view' | 'signal'>,
): Promise<ImageDataset> {
  const drawn = source === 'shapes' ? drawnAs(fingerprint) : { channels }
  const dataset = await openSource(source, { split, ...drawn, onNote: view.note, signal })
  if (dataset.fingerprint === fingerprint) return dataset
  await dataset.close()
  throw new SelfsupError(`${source} holds other images than those that were judged; evaluate again`)
}

/** Size, seed and number of drawn images, as their fingerprint tells: `shapes-1-SIZE-SEED-SPLIT-OBJECTS-COUNT`. */
function drawnAs(fingerprint: string): { size?: number; seed?: number; count?: number } {
  const [size, seed, count] = [2, 3, 6].map((part) => Number(fingerprint.split('-')[part]))
  return size && count && Number.isInteger(seed) ? { size, seed, count } : {}
}

/** Test features as a protocol kept them; undefined when they are gone. */
async function judgedFeatures(
  { folder }: RunView,
  { features }: EvaluationRecord,
): Promise<LabelledFeatures | undefined> {
  const { readFeatures } = await import('@selfsup/evaluation')
  // A name alone: a record from elsewhere must not lead out of the folder.
  return readFeatures(join(runPaths(folder).features, basename(features?.test ?? '')))
}
