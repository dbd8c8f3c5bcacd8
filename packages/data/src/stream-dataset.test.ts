import { utimes } from 'node:fs/promises'
import { join } from 'node:path'
import {
  DRAWS_PER_BOX,
  derive,
  type HostBatch,
  randomResizedCropBox,
  SelfsupError,
  uniforms,
} from '@selfsup/core'
import { beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../../../tooling/vitest/temporary-folder.js'
import { cropDecoded, decode } from './decode.js'
import type { EncodedImages } from './encoded-images.js'
import { folderImages } from './folder-images.js'
import { madeImage, writeFiles } from './made-images.js'
import { streamDataset } from './stream-dataset.js'

const COUNT = 10
const sizes = [
  [40, 30],
  [64, 64],
  [25, 90],
  [100, 50],
] as const
const crops = [0, 1].map((stream) => ({
  size: 16,
  scale: [0.2, 1] as const,
  ratio: [3 / 4, 4 / 3] as const,
  stream,
}))
const seedOf = (batch: number) => [77, batch] as const
const walk = { batchSize: 4, crops, seedOf, shuffle: [5, 0] as const }

let good: EncodedImages
let bad: EncodedImages
beforeAll(async () => {
  const folder = temporaryFolder()
  for (let i = 0; i < COUNT; i++) {
    const [width, height] = sizes[i % sizes.length]!
    const file = await madeImage(i, width, height).png().toBuffer()
    await writeFiles(folder, {
      [`good/${i % 2}/${i}.png`]: file,
      [`bad/${i % 2}/${i}.png`]: i === 4 || i === 6 ? 'dear diary' : file,
    })
  }
  good = await folderImages(join(folder, 'good'))
  bad = await folderImages(join(folder, 'bad'))
})

async function collect(batches: AsyncIterable<HostBatch>): Promise<HostBatch[]> {
  const all: HostBatch[] = []
  for await (const batch of batches) all.push(batch)
  return all
}
const open = (images: EncodedImages, strict = false) => streamDataset(images, { channels: 3, strict })

describe('crops', () => {
  it('equal the boxes that core draws from the seeds', async () => {
    const [, batch] = await collect((await open(good)).batches(walk))
    for (const [view, crop] of crops.entries()) {
      const draws = uniforms(derive(seedOf(1), crop.stream), 4 * DRAWS_PER_BOX)
      for (const [slot, index] of batch!.indices.entries()) {
        const image = await decode(await good.load(index), 3)
        const box = randomResizedCropBox(draws, image.height, image.width, crop, slot * DRAWS_PER_BOX)
        const wanted = await cropDecoded(image, box, 16, 3)
        const got = batch!.crops![view]!.data.subarray(slot * 768, (slot + 1) * 768)
        expect(Buffer.from(got).equals(Buffer.from(wanted))).toBe(true)
      }
    }
  })

  it('are the same for the same seeds and different for others', async () => {
    const first = await collect((await open(good)).batches(walk))
    expect(await collect((await open(good)).batches(walk))).toEqual(first)
    const others = await collect((await open(good)).batches({ ...walk, seedOf: (batch) => [78, batch] }))
    expect(others.map(({ indices }) => indices)).toEqual(first.map(({ indices }) => indices))
    expect(others[0]!.crops).not.toEqual(first[0]!.crops)
  })

  it('contain each image once per pass, in a different order for a different seed', async () => {
    const indices = async (shuffle?: readonly [number, number]) =>
      (await collect((await open(good)).batches({ ...walk, shuffle }))).flatMap((batch) => [...batch.indices])
    const inOrder = Array.from({ length: COUNT }, (_, i) => i)
    expect(await indices()).toEqual(inOrder)
    const one = await indices([1, 0])
    const other = await indices([1, 1])
    expect([...one].sort((a, b) => a - b)).toEqual(inOrder)
    expect(one).not.toEqual(other)
  })

  it('startBatch continues a pass at this batch without decoding earlier ones', async () => {
    let loads = 0
    const counted = {
      ...good,
      load: (index: number) => {
        loads++
        return good.load(index)
      },
    }
    const all = await collect((await open(good)).batches(walk))
    expect(await collect((await open(counted)).batches({ ...walk, startBatch: 2 }))).toEqual(all.slice(2))
    expect(loads).toBe(COUNT - 8)
    expect(await collect((await open(good)).batches({ ...walk, startBatch: 1, endBatch: 2 }))).toEqual([
      all[1],
    ])
  })

  it('follow a given order, which can repeat or omit images', async () => {
    const order = Uint32Array.of(7, 7, 0, 9, 3)
    const indices = async (options: object) =>
      (await collect((await open(good)).batches({ batchSize: 2, crops, seedOf, order, ...options }))).flatMap(
        (batch) => [...batch.indices],
      )
    expect(await indices({})).toEqual([7, 7, 0, 9, 3])
    expect(await indices({ dropLast: true })).toEqual([7, 7, 0, 9])
    expect(await indices({ limit: 3, startBatch: 1 })).toEqual([0])
  })

  it('support dropLast and limit', async () => {
    const shapes = async (options: object) =>
      (await collect((await open(good)).batches({ ...walk, ...options }))).map(
        (batch) => batch.crops![0]!.shape[0],
      )
    expect(await shapes({})).toEqual([4, 4, 2])
    expect(await shapes({ dropLast: true })).toEqual([4, 4])
    expect(await shapes({ limit: 6 })).toEqual([4, 2])
    expect(await shapes({ batchSize: 99, dropLast: true })).toEqual([])
  })
})

describe('an unreadable image', () => {
  const positions = async () => {
    const names = Array.from({ length: COUNT }, (_, i) => bad.pathOf(i))
    return {
      four: names.findIndex((name) => name.endsWith('4.png')),
      six: names.findIndex((name) => name.endsWith('6.png')),
    }
  }

  it('is replaced by the next readable one in stored order, and nothing else changes', async () => {
    const { four, six } = await positions()
    expect(six).toBe(four + 1) // both of class 0: 0, 2, 4, 6, 8
    const dataset = await open(bad)
    const wanted = await collect((await open(good)).batches(walk))
    const got = await collect(dataset.batches(walk))
    for (const [number, batch] of got.entries()) {
      const expectedIndices = wanted[number]!.indices.map((index) =>
        index === four || index === six ? six + 1 : index,
      )
      expect(batch.indices).toEqual(expectedIndices)
      for (const [slot, index] of wanted[number]!.indices.entries()) {
        if (index === four || index === six) continue
        const part = (from: HostBatch) => from.crops![1]!.data.slice(slot * 768, (slot + 1) * 768)
        expect(part(batch)).toEqual(part(wanted[number]!))
      }
    }
    expect(await collect((await open(bad)).batches({ ...walk, startBatch: 1 }))).toEqual(got.slice(1))
    expect(dataset.skipped()).toEqual(
      [four, six].map((index) => ({ path: bad.pathOf(index), reason: 'not a supported image file' })),
    )
  })

  it.each([
    ['the last of its class', [4], { 4: 0 }],
    ['the last but one readable of its class', [0, 2, 3, 4], { 0: 1, 2: 1, 3: 1, 4: 1 }],
    ['one of a class without a readable image', [0, 1, 2, 3, 4, 5], { 0: 6, 1: 6, 2: 6, 3: 6, 4: 6, 5: 6 }],
  ])('%s is replaced by one of the same class if there is one', async (_, broken, standIns) => {
    const some: EncodedImages = {
      ...good,
      load: (index) =>
        broken.includes(index) ? Promise.resolve(Buffer.from('dear diary')) : good.load(index),
    }
    const [batch] = await collect((await open(some)).batches({ batchSize: COUNT, crops, seedOf }))
    const wanted = Array.from({ length: COUNT }, (_, i) => (standIns as Record<number, number>)[i] ?? i)
    expect([...batch!.indices]).toEqual(wanted)
    expect([...batch!.labels]).toEqual(wanted.map((index) => good.labels![index]))
  })

  it('is omitted from batches of whole images', async () => {
    const { four, six } = await positions()
    const batches = await collect((await open(bad)).batches({ batchSize: 4, size: 16 }))
    expect(batches.flatMap(({ indices }) => [...indices])).toEqual([0, 1, 4, 5, 6, 7, 8, 9])
    expect([four, six]).toEqual([2, 3])
    for (const { images, labels, indices } of batches) {
      expect(images!.shape).toEqual([indices.length, 16, 16, 3])
      expect(images!.data.length).toBe(indices.length * 768)
      expect([...labels]).toEqual([...indices].map((index) => good.labels![index]))
    }
    const whole = await collect((await open(good)).batches({ batchSize: COUNT, size: 16 }))
    expect(batches[1]!.images!.data).toEqual(whole[0]!.images!.data.slice(4 * 768, 8 * 768))
  })

  it('ends a strict pass with an error that contains its path', async () => {
    await expect(collect((await open(bad, true)).batches(walk))).rejects.toThrow(
      /\/[46]\.png: not a supported image/,
    )
    await expect(collect((await open(bad, true)).batches(walk))).rejects.toBeInstanceOf(SelfsupError)
  })

  it('ends the pass if no image can be read', async () => {
    const words: EncodedImages = { ...good, load: async () => Buffer.from('dear diary') }
    await expect(collect((await open(words)).batches(walk))).rejects.toThrow(
      'found no readable image to replace',
    )
  })
})

describe('reading ahead', () => {
  const watched = async () => {
    const state = { begun: 0, running: 0, most: 0 }
    const images: EncodedImages = {
      ...good,
      async load(index) {
        state.begun++
        state.running++
        state.most = Math.max(state.most, state.running)
        await new Promise((resume) => setTimeout(resume, 2))
        state.running--
        return good.load(index)
      },
    }
    return { state, dataset: await open(images) }
  }

  it('decodes at most two batches ahead, and stops when the loop ends', async () => {
    const { state, dataset } = await watched()
    for await (const _ of dataset.batches({ ...walk, batchSize: 1 })) {
      await new Promise((resume) => setTimeout(resume, 60))
      expect(state.begun).toBeLessThanOrEqual(3)
      break
    }
    expect(state.running).toBe(0)
    const { begun } = state
    await new Promise((resume) => setTimeout(resume, 30))
    expect(state.begun).toBe(begun)
  })

  it('stops when the signal is aborted', async () => {
    const controller = new AbortController()
    const { state, dataset } = await watched()
    const pass = async () => {
      for await (const _ of dataset.batches({ ...walk, batchSize: 2, signal: controller.signal })) {
        controller.abort(new Error('enough'))
      }
    }
    await expect(pass()).rejects.toThrow('enough')
    expect(state.running).toBe(0)
  })
})

it('requires crops or a size for large images', async () => {
  await expect(collect((await open(good)).batches({ batchSize: 2 }))).rejects.toThrow(
    'need crops and seedOf, or size',
  )
})

it('has a fingerprint that does not depend on the folder’s location', async () => {
  const folder = temporaryFolder()
  for (const name of ['here', 'elsewhere/there']) {
    const path = join(folder, name, '0', 'x.png')
    await writeFiles(folder, { [`${name}/0/x.png`]: await madeImage(1, 80, 80).png().toBuffer() })
    await utimes(path, new Date(1e12), new Date(1e12))
  }
  const fingerprintOf = async (name: string) =>
    (await open(await folderImages(join(folder, name)))).fingerprint
  expect(await fingerprintOf('here')).toBe(await fingerprintOf('elsewhere/there'))
})

it('has a different fingerprint after a file was changed', async () => {
  const { fingerprint } = await open(good)
  expect((await open(good)).fingerprint).toBe(fingerprint)
  await utimes(good.pathOf(3), new Date(), new Date(Date.now() - 5e6))
  expect((await open(good)).fingerprint).not.toBe(fingerprint)
})
