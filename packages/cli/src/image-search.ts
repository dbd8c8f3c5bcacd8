import { stat } from 'node:fs/promises'
import { type ImageDataset, SelfsupError, splitPart } from '@selfsup/core'
import type { CompiledStep, Engine } from '@selfsup/engine'
import type { Features } from '@selfsup/evaluation'
import type { EmbeddedImages, ImageIndex, ImageListing } from '@selfsup/retrieval'
import { runPaths, type WaitOptions } from '@selfsup/run-folder'
import { absoluteSource, digest, resamplingKey } from '@selfsup/runs'
import type { OpenedEncoder } from './encoder.js'
import { shellWord } from './table.js'

/**
 * Opens the index of a run's images, for the current weights.
 * @param create whether to create a missing index and to update it; then it waits for another process that updates it
 * @throws SelfsupError with the command that creates the index, if it is missing or empty and `create` is false
 */
export async function openRunIndex(
  run: string,
  { folder: home, maker, imageShape, normalisation, resampling }: OpenedEncoder,
  create: boolean | WaitOptions,
): Promise<{ index: ImageIndex; others: readonly string[] }> {
  const { findIndex, openImageIndex } = await import('@selfsup/retrieval')
  const { mean, std } = normalisation
  const key = { weights: await digest(maker), size: imageShape.size, mean, std, ...resamplingKey(resampling) }
  const folder = runPaths(home).index
  const { exists, others } = await findIndex(folder, key)
  if (!exists && !create) {
    const why = others.length > 0 ? 'has an index only for earlier weights' : 'has no index yet'
    throw new SelfsupError(`${run} ${why}; run: selfsup index ${shellWord(run)} IMAGES`)
  }
  const index = await openImageIndex(folder, key, { update: create })
  if (!create && (await index.count()) === 0) {
    await index.close()
    throw new SelfsupError(`${run}: its index is empty; run: selfsup index ${shellWord(run)} IMAGES`)
  }
  return { index, others }
}

/** Computes features of some images of a dataset, with one compiled step for all calls. */
export interface ImageEmbedder {
  embed(numbers: Uint32Array): Promise<EmbeddedImages>
  dispose(): void
}

/** Computes the features of a dataset's images with an opened encoder. */
export async function imageEmbedder(
  { imageShape, normalisation, resampling, encode }: OpenedEncoder,
  dataset: ImageDataset,
  { engine, signal }: { engine: Engine; signal?: AbortSignal },
): Promise<ImageEmbedder> {
  const { extractFeatures } = await import('@selfsup/evaluation')
  const { size } = imageShape
  const once = compilingOnce(engine)
  return {
    async embed(numbers) {
      const before = dataset.skipped().length
      try {
        const options = { normalisation, size, resampling, positions: numbers, engine: once, signal }
        const { indices, values, width } = await extractFeatures(encode, dataset, options)
        return { images: indices, values, width }
      } catch (error) {
        // All images of this call are unreadable. That must not stop the calls for other images.
        if (dataset.skipped().length - before < numbers.length) throw error
        return { images: [], values: new Float32Array(0), width: 0 }
      }
    },
    dispose: () => once.dispose(),
  }
}

/** Looks up features that exist already, by the images' numbers. */
export function embedderOf({ indices, values, width }: Features): ImageEmbedder {
  const rowOf = new Map(Array.from(indices, (image, row) => [image, row]))
  return {
    async embed(numbers) {
      const images = numbers.filter((image) => rowOf.has(image))
      const found = new Float32Array(images.length * width)
      for (const [i, image] of images.entries()) {
        const row = rowOf.get(image)!
        found.set(values.subarray(row * width, (row + 1) * width), i * width)
      }
      return { images, values: found, width }
    },
    dispose() {},
  }
}

/** An engine that compiles the first step and reuses it for later calls, which pass the same step. */
function compilingOnce(engine: Engine): Pick<Engine, 'compile'> & { dispose(): void } {
  let first: { dispose(): void } | undefined
  return {
    compile<Args extends unknown[], Result extends import('@tensorflow/tfjs-core').TensorContainer>(
      step: (...args: Args) => Result,
    ): CompiledStep<Args, Result> {
      first ??= engine.compile(step)
      const run = first as CompiledStep<Args, Result>
      return Object.assign((...args: Args) => run(...args), {
        captures: 0,
        byXla: false,
        compiling: false,
        prepare: (...args: Args) => run.prepare(...args),
        dispose() {}, // the step is reused; it is disposed of with the engine
      })
    },
    dispose: () => first?.dispose(),
  }
}

/**
 * Lists a dataset's images for an index. Files are identified by size and modification time, other images by their number
 * and the dataset's fingerprint.
 */
export async function listingOf(source: string, split: string, dataset: ImageDataset): Promise<ImageListing> {
  const whole = absoluteSource(source)
  const fileOf = (path: string) => (dataset.partOf ? splitPart(path).file : path)
  const first = dataset.pathOf?.(0)
  // The first file can be gone meanwhile.
  const files =
    first !== undefined &&
    ((first.startsWith(whole) && (await isFolder(whole))) ||
      (await stat(fileOf(first)).catch(() => undefined))?.isFile())
  const { fingerprint, length: count, pathOf } = dataset
  if (!files) {
    const named = `${whole}#${split}`
    return {
      count,
      source: named,
      pathOf: pathOf ?? ((image) => `${named}-${image}`),
      stampOf: () => fingerprint,
    }
  }
  return {
    count,
    source: whole,
    pathOf: (image) => pathOf!(image),
    async stampOf(image) {
      const facts = await stat(fileOf(pathOf!(image))).catch(() => undefined)
      if (!facts) return 'gone'
      const part = dataset.partOf ? ` ${JSON.stringify(dataset.partOf(image))}` : ''
      return `${facts.size} ${facts.mtimeMs}${part}`
    },
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false
}
