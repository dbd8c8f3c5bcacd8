import { stat } from 'node:fs/promises'
import { type ImageDataset, SelfsupError } from '@selfsup/core'
import type { CompiledStep, Engine } from '@selfsup/engine'
import type { Embedded, ImageIndex, ImageListing } from '@selfsup/retrieval'
import { runPaths } from '@selfsup/run-folder'
import { absoluteSource, digest } from '@selfsup/runs'
import type { OpenedEncoder } from './encoder.js'
import { shellWord } from './table.js'

/**
 * The index of a run's images, by the features that its weights make now.
 * @param make false: there must be one
 * @throws SelfsupError when there is none and none is to be made, with the command that makes it
 */
export async function openRunIndex(
  run: string,
  { maker, imageShape, normalisation }: OpenedEncoder,
  make: boolean,
): Promise<{ index: ImageIndex; others: readonly string[] }> {
  const { findIndex, openImageIndex } = await import('@selfsup/retrieval')
  const { mean, std } = normalisation
  const key = { weights: await digest(maker), size: imageShape.size, mean, std }
  const folder = runPaths(run).index
  const { exists, others } = await findIndex(folder, key)
  if (!exists && !make) {
    const why = others.length > 0 ? 'was indexed with other weights than it has now' : 'has no index yet'
    throw new SelfsupError(`${run} ${why}; run: selfsup index ${shellWord(run)} IMAGES`)
  }
  const index = await openImageIndex(folder, key)
  if (!make && (await index.count()) === 0) {
    index.close()
    throw new SelfsupError(`${run}: its index is empty; run: selfsup index ${shellWord(run)} IMAGES`)
  }
  return { index, others }
}

/** Makes features of some of a dataset's images, with one compiled step for all calls. */
export interface ImageEmbedder {
  embed(numbers: Uint32Array): Promise<Embedded>
  dispose(): void
}

/** The features that a run's method makes of a dataset's images. */
export async function imageEmbedder(
  { imageShape, normalisation, encode }: OpenedEncoder,
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
        const options = { normalisation, size, positions: numbers, engine: once, signal }
        const { indices, values, width } = await extractFeatures(encode, dataset, options)
        return { images: indices, values, width }
      } catch (error) {
        // None of these could be read: that is no failure of those before and after them.
        if (dataset.skipped().length - before < numbers.length) throw error
        return { images: [], values: new Float32Array(0), width: 0 }
      }
    },
    dispose: () => once.dispose(),
  }
}

/** An engine that compiles the first step it gets and takes it for those that follow: they are all the same. */
function compilingOnce(engine: Engine): Pick<Engine, 'compile'> & { dispose(): void } {
  let first: { dispose(): void } | undefined
  return {
    compile<Args extends unknown[], Result extends import('@tensorflow/tfjs-core').TensorContainer>(
      step: (...args: Args) => Result,
    ): CompiledStep<Args, Result> {
      first ??= engine.compile(step)
      const run = first as CompiledStep<Args, Result>
      return Object.assign((...args: Args) => run(...args), { captures: 0, dispose() {} })
    },
    dispose: () => first?.dispose(),
  }
}

/**
 * A dataset's images as an index knows them: files by size and time of change, all others by their number and what the
 * whole dataset is.
 */
export async function listingOf(source: string, split: string, dataset: ImageDataset): Promise<ImageListing> {
  const whole = absoluteSource(source)
  const first = dataset.pathOf?.(0)
  const files = first !== undefined && (await stat(first).catch(() => undefined))?.isFile()
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
      const facts = await stat(pathOf!(image)).catch(() => undefined)
      return facts ? `${facts.size} ${facts.mtimeMs}` : 'gone'
    },
  }
}
