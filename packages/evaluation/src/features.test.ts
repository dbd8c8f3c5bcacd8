import { mkdtemp, readdir, rm, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BatchOptions, Dataset, HostBatch, ImageDataset } from '@selfsup/core'
import { type Engine, prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { cachedFeatures, readFeatures } from './feature-cache.js'
import { extractFeatures, rawPixels } from './features.js'

/** A dataset of `count` examples, alternately of class 0 and 1. */
function numbered(
  name: string,
  count: number,
  dataOf: (indices: Int32Array) => Pick<HostBatch, 'images' | 'values'>,
): Dataset {
  return {
    name,
    length: count,
    classes: ['even', 'odd'],
    fingerprint: name,
    labels: () => Int32Array.from({ length: count }, (_, i) => i % 2),
    async *batches({ batchSize, order }: BatchOptions): AsyncIterable<HostBatch> {
      const positions = order ?? Uint32Array.from({ length: count }, (_, i) => i)
      for (let start = 0; start < positions.length; start += batchSize) {
        const indices = Int32Array.from(positions.subarray(start, start + batchSize))
        yield { ...dataOf(indices), labels: indices.map((i) => i % 2), indices }
      }
    },
    skipped: () => [],
    close: async () => {},
  }
}

/** Images of a single colour: image i has the pixel values (i, 2i, 3i). */
function coloured(count: number, side: number): ImageDataset {
  const dataset = numbered('coloured', count, (indices) => {
    const data = new Uint8Array(indices.length * side * side * 3)
    data.forEach((_, p) => {
      data[p] = indices[Math.floor(p / (side * side * 3))]! * ((p % 3) + 1)
    })
    return { images: { data, shape: [indices.length, side, side, 3] } }
  })
  return { ...dataset, channels: 3, imageSize: [side, side] }
}

/** Series of three steps and two channels: series i is (i, 10 i), (2 i, 20 i), (3 i, 30 i). */
function ramps(count: number): Dataset {
  const dataset = numbered('ramps', count, (indices) => {
    const numbers = [...indices].flatMap((i) => [1, 2, 3].flatMap((t) => [t * i, 10 * t * i]))
    return { values: { data: Float32Array.from(numbers), shape: [indices.length, 3, 2] } }
  })
  return { ...dataset, valueShape: [3, 2] }
}

const normalisation = { mean: [0.5, 0.25, 0], std: [0.5, 0.25, 1] }

describe.each(testEngines())('features on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })

  test('extractFeatures normalises per channel and preserves order and labels', async () => {
    const average = tfl.sequential({ layers: [tfl.layers.globalAveragePooling2d({ inputShape: [4, 4, 3] })] })
    const before = tf.memory().numTensors
    const done: number[] = []
    const features = await extractFeatures(average, coloured(7, 4), {
      normalisation,
      size: 4,
      batchSize: 3,
      onProgress: (count) => done.push(count),
    })
    expect(features).toMatchObject({ count: 7, width: 3, classes: ['even', 'odd'] })
    expect([...features.labels]).toEqual([0, 1, 0, 1, 0, 1, 0])
    for (let i = 0; i < 7; i++) {
      const expected = [(i / 255 - 0.5) / 0.5, ((2 * i) / 255 - 0.25) / 0.25, (3 * i) / 255]
      expected.forEach((value, channel) => {
        expect(features.values[i * 3 + channel]).toBeCloseTo(value, 5)
      })
    }
    expect(done).toEqual([3, 6, 7])
    expect(tf.memory().numTensors).toBe(before)
  })

  const extraction = { normalisation: { mean: [0, 0, 0], std: [1, 1, 1] }, size: 4, batchSize: 2 }
  const means = (images: tf.Tensor4D) => tf.mean(images, [1, 2]) as tf.Tensor2D

  test('accepts any function, and uses the first output of a model with several', async () => {
    const before = tf.memory().numTensors
    const byFunction = await extractFeatures(means, coloured(5, 4), extraction)
    expect(byFunction).toMatchObject({ count: 5, width: 3 })
    expect(byFunction.values[3]).toBeCloseTo(1 / 255, 6)
    const input = tfl.input({ shape: [4, 4, 3] })
    const pooled = tfl.layers.globalAveragePooling2d({}).apply(input) as tfl.SymbolicTensor
    const flat = tfl.layers.flatten().apply(input) as tfl.SymbolicTensor
    const forked = tfl.model({ inputs: input, outputs: [pooled, flat] })
    const byModel = await extractFeatures(forked, coloured(5, 4), extraction)
    expect(byModel.width).toBe(3)
    byModel.values.forEach((value, i) => {
      expect(value).toBeCloseTo(byFunction.values[i]!, 6)
    })
    expect(tf.memory().numTensors).toBe(before)
  })

  test('passes series unchanged to a model or a function', async () => {
    const before = tf.memory().numTensors
    const last = tfl.sequential({ layers: [tfl.layers.globalAveragePooling1d({ inputShape: [3, 2] })] })
    const weights = tf.memory().numTensors
    const byModel = await extractFeatures(last, ramps(5), { batchSize: 2 })
    expect(byModel).toMatchObject({ count: 5, width: 2, classes: ['even', 'odd'] })
    expect([...byModel.values]).toEqual([0, 0, 2, 20, 4, 40, 6, 60, 8, 80])
    expect([...byModel.labels]).toEqual([0, 1, 0, 1, 0])
    const compiled = await extractFeatures(last, ramps(5), {
      batchSize: 2,
      engine: await prepareEngine({ engine }),
    })
    expect(compiled.values).toEqual(byModel.values)
    const sums = (values: tf.Tensor) => tf.sum(values, 2) as tf.Tensor2D
    const some = await extractFeatures(sums, ramps(5), { positions: Uint32Array.of(3, 1) })
    expect([...some.values]).toEqual([33, 66, 99, 11, 22, 33])
    expect([...some.indices]).toEqual([3, 1])
    expect(tf.memory().numTensors).toBe(weights)
    last.dispose()
    expect(tf.memory().numTensors).toBe(before)
  })

  test('throws if the shape of the series differs from the model’s, and for images without a size', async () => {
    const longer = tfl.sequential({ layers: [tfl.layers.globalAveragePooling1d({ inputShape: [4, 2] })] })
    await expect(extractFeatures(longer, ramps(5))).rejects.toThrow(
      'the backbone expects [4,2], but an example of ramps is [3,2]',
    )
    longer.dispose()
    await expect(extractFeatures(means, coloured(3, 4) as Dataset)).rejects.toThrow(
      'coloured contains images: set the size and normalisation',
    )
  })

  test('throws if the features are not [batch, features]', async () => {
    const before = tf.memory().numTensors
    const whole = (images: tf.Tensor4D) => tf.clone<tf.Tensor>(images) as tf.Tensor2D
    await expect(extractFeatures(whole, coloured(3, 4), extraction)).rejects.toThrow(
      'the features must be [batch, features]; got [2,4,4,3]',
    )
    expect(tf.memory().numTensors).toBe(before)
  })

  test('submits a batch before the previous one is read back, at most two at a time', async () => {
    const [submitted, done]: [number[], number[]] = [[], []]
    let most = 0
    const watched = (images: tf.Tensor4D) => {
      submitted.push(images.shape[0])
      most = Math.max(most, submitted.length - done.length)
      const features = means(images)
      const data = features.data.bind(features)
      features.data = (async () => {
        await new Promise((resume) => setTimeout(resume, 5))
        return data()
      }) as typeof features.data
      return features
    }
    const compile = (step: object) => Object.assign(step, { captures: 0, dispose() {} })
    const engine = { compile } as unknown as Engine
    const features = await extractFeatures(watched, coloured(9, 4), {
      ...extraction,
      engine,
      onProgress: (count) => done.push(count),
    })
    expect(submitted).toEqual([2, 2, 2, 2, 1])
    expect(done).toEqual([2, 4, 6, 8, 9])
    expect(most).toBe(2)
    expect([...features.indices]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
  })

  test('a limit selects evenly spaced images', async () => {
    const few = await rawPixels(coloured(10, 4), { size: 4, limit: 4, batchSize: 3 })
    expect([...few.indices]).toEqual([0, 2, 5, 7])
    expect([...few.labels]).toEqual([0, 0, 1, 1])
  })

  test('rawPixels returns the pixels scaled to 0..1, resized if the size differs', async () => {
    const pixels = await rawPixels(coloured(3, 4), { size: 4 })
    expect(pixels.width).toBe(48)
    expect([...pixels.values.subarray(96, 99)]).toEqual([2, 4, 6].map((p) => Math.fround(p / 255)))
    const smaller = await rawPixels(coloured(3, 4), { size: 2, limit: 2 })
    expect(smaller).toMatchObject({ count: 2, width: 12 })
    expect(smaller.values[12]).toBeCloseTo(1 / 255, 6)
  })

  test('uses the central square of a wide image, with all its pixels', async () => {
    const [height, width] = [6, 12]
    const data = new Uint8Array(height * width)
    // Alternate black and white columns in the central square: sampling every third pixel would return only one of them.
    data.forEach((_, p) => {
      const column = p % width
      data[p] = column < 3 || column >= 9 ? 77 : 255 * (column % 2)
    })
    const wide: ImageDataset = {
      ...coloured(1, 6),
      channels: 1,
      imageSize: [height, width],
      async *batches() {
        const shape = [1, height, width, 1] as const
        yield { images: { data, shape }, labels: Int32Array.of(0), indices: Int32Array.of(0) }
      },
    }
    const { values } = await rawPixels(wide, { size: 2 })
    // Each half has the weights 2, 3, 2, 1 from the edge: as much white as black.
    for (const value of values) expect(value).toBeCloseTo(0.5, 5)
  })

  test('throws if the backbone has other channels, and names the option to set', async () => {
    const grey = tfl.sequential({ layers: [tfl.layers.globalAveragePooling2d({ inputShape: [4, 4, 1] })] })
    await expect(extractFeatures(grey, coloured(2, 4), { normalisation, size: 4 })).rejects.toThrow(
      'channels: 1',
    )
  })
})

describe('cachedFeatures', () => {
  test('extracts once per key and survives a damaged file', async () => {
    await prepareEngine({ engine: 'wasm' })
    const folder = await mkdtemp(join(tmpdir(), 'selfsup-features-'))
    try {
      let extractions = 0
      const extract = () => {
        extractions++
        return rawPixels(coloured(3, 2), { size: 2 })
      }
      const key = { weights: 'abc', size: 2 }
      const first = await cachedFeatures(folder, key, extract)
      const [file] = await readdir(folder)
      expect(await readFeatures(join(folder, file!), 7)).toEqual(first) // in blocks, whatever their size
      expect(await cachedFeatures(folder, { size: 2, weights: 'abc' }, extract)).toEqual(first)
      expect(extractions).toBe(1)
      await cachedFeatures(folder, { ...key, weights: 'abd' }, extract)
      expect(extractions).toBe(2)
      for (const file of await readdir(folder)) await truncate(join(folder, file), 60)
      expect(await cachedFeatures(folder, key, extract)).toEqual(first)
      expect(extractions).toBe(3)
      for (const keep of [false, true]) await cachedFeatures(folder, { weights: 'x' }, extract, () => keep)
      expect(extractions).toBe(5)
      await cachedFeatures(folder, { weights: 'x' }, extract)
      expect(extractions).toBe(5)
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
