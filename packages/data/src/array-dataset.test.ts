import type { HostBatch } from '@selfsup/core'
import { expect, it } from 'vitest'
import { arrayDataset } from './array-dataset.js'
import { readFrom, recordDataset } from './record-dataset.js'
import { rowsAsSeries } from './rows-as-series.js'

async function collect(batches: AsyncIterable<HostBatch>): Promise<HostBatch[]> {
  const all: HostBatch[] = []
  for await (const batch of batches) all.push(batch)
  return all
}

/** Three series of two steps of two channels. */
const series = {
  name: 'series',
  values: Float32Array.from({ length: 12 }, (_, i) => i / 2),
  shape: [2, 2],
  labels: Int32Array.of(1, 0, -1),
  classes: ['a', 'b'],
}

it('yields batches of values with their classes', async () => {
  const dataset = arrayDataset(series)
  expect(dataset).toMatchObject({ name: 'series', length: 3, valueShape: [2, 2], classes: ['a', 'b'] })
  const batches = await collect(dataset.batches({ batchSize: 2 }))
  expect(batches.map(({ values }) => values!.shape)).toEqual([
    [2, 2, 2],
    [1, 2, 2],
  ])
  expect(batches.flatMap(({ values }) => [...values!.data])).toEqual([...series.values])
  expect(batches.flatMap(({ labels }) => [...labels])).toEqual([1, 0, -1])
  const [other] = await collect(dataset.batches({ batchSize: 4, order: Uint32Array.of(2, 0, 2) }))
  expect([...other!.values!.data]).toEqual([4, 4.5, 5, 5.5, 0, 0.5, 1, 1.5, 4, 4.5, 5, 5.5])
  expect([...other!.indices]).toEqual([2, 0, 2])
  const shuffled = await collect(dataset.batches({ batchSize: 3, shuffle: [1, 2] }))
  expect([...shuffled[0]!.indices].sort()).toEqual([0, 1, 2])
})

it('the fingerprint changes with values, shape and labels', () => {
  const { fingerprint } = arrayDataset(series)
  expect(arrayDataset({ ...series, values: series.values.slice() }).fingerprint).toBe(fingerprint)
  for (const other of [
    { values: series.values.map((value) => value + 1) },
    { shape: [1, 4] },
    { labels: Int32Array.of(0, 0, 0) },
    { labels: undefined },
  ])
    expect(arrayDataset({ ...series, ...other }).fingerprint).not.toBe(fingerprint)
})

it('rejects values that do not fit their shape', () => {
  expect(() => arrayDataset({ ...series, shape: [5, 2] })).toThrow('of shape [5,2], 10 numbers each; got 12')
  expect(() => arrayDataset({ ...series, shape: [0, 2] })).toThrow('of shape [0,2]')
  expect(() => arrayDataset({ ...series, values: new Float32Array(0) })).toThrow('got 0 numbers')
  expect(() => arrayDataset({ ...series, labels: Int32Array.of(1) })).toThrow(
    'series: expected 3 labels, one per example; got 1',
  )
})

it('rowsAsSeries converts small images to series', async () => {
  const images = recordDataset({
    name: 'digits',
    count: 2,
    height: 3,
    width: 2,
    channels: 1,
    fingerprint: 'digits',
    labels: Int32Array.of(4, 5),
    read: readFrom(
      Uint8Array.from({ length: 12 }, (_, i) => i * 17),
      6,
    ),
  })
  const dataset = rowsAsSeries(images)
  expect(dataset).toMatchObject({ length: 2, valueShape: [3, 2], name: 'digits-rows' })
  const [batch] = await collect(dataset.batches({ batchSize: 2, order: Uint32Array.of(1, 0) }))
  expect(batch!.values!.shape).toEqual([2, 3, 2])
  expect([...batch!.values!.data]).toEqual(
    [6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5].map((n) => Math.fround((n * 17) / 255)),
  )
  expect([...batch!.labels]).toEqual([5, 4])
  expect(() => rowsAsSeries({ ...images, imageSize: undefined })).toThrow('open them with imageSize')
})
