import { Worker } from 'node:worker_threads'
import { SelfsupError } from '@selfsup/core'
import { builtFile } from './built-file.js'
import type { EmbeddingMap } from './page-data.js'
import type { FeatureRows } from './place-features.js'

/** Features of labelled images, as computed by @selfsup/evaluation. */
export interface LabelledFeatures extends FeatureRows {
  /** class of each image, -1 if it has none; length count */
  readonly labels: Int32Array
  /** positions in the dataset; length count */
  readonly indices: Int32Array
  readonly classes?: readonly string[]
}

export interface MapOptions {
  /** maximum number of points, evenly spaced over the rows; default 1500 */
  readonly points?: number
  readonly signal?: AbortSignal
}

/**
 * Computes a map of features in a worker thread.
 * @throws SelfsupError if the features are too few, not finite or all the same; AbortError if the signal is aborted
 */
export async function embeddingMap(
  features: LabelledFeatures,
  { points = 1500, signal }: MapOptions = {},
): Promise<EmbeddingMap> {
  const { width, classes } = features
  const rows = evenly(Math.min(points, features.count), features.count)
  const values = new Float32Array(rows.length * width)
  for (const [i, row] of rows.entries())
    values.set(features.values.subarray(row * width, (row + 1) * width), i * width)
  const places = await place({ values, count: rows.length, width }, signal)
  const of = (numbers: Int32Array) => rows.map((row) => numbers[row]!)
  return {
    method: 'UMAP',
    width,
    ...places,
    positions: of(features.indices),
    labels: of(features.labels),
    classes,
  }
}

/** `count` evenly spaced numbers below `length`. */
function evenly(count: number, length: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.floor((i * length) / count))
}

async function place(rows: FeatureRows, signal?: AbortSignal): Promise<{ x: number[]; y: number[] }> {
  signal?.throwIfAborted()
  const worker = new Worker(builtFile('map-worker.js'), { workerData: rows })
  const stop = () => void worker.terminate()
  signal?.addEventListener('abort', stop, { once: true })
  try {
    return await new Promise((resolve, reject) => {
      worker.once('message', ({ places, problem }) =>
        problem === undefined ? resolve(places) : reject(new SelfsupError(problem)),
      )
      worker.once('error', reject)
      worker.once('exit', () => {
        signal?.aborted
          ? reject(signal.reason)
          : reject(new Error('the worker thread exited without computing the map'))
      })
    })
  } finally {
    signal?.removeEventListener('abort', stop)
    await worker.terminate()
  }
}
