import type { HostBatch, ImageDataset } from '@selfsup/core'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import { shownPositions } from './details.js'
import { sheetFiles } from './sheets.js'
import { thumbnails } from './thumbnails.js'

/** Images of a single grey value, ten times their position; image 3 can't be read. */
function greys(side: number, channels: number): ImageDataset {
  return {
    name: 'greys',
    length: 6,
    channels,
    fingerprint: 'x',
    imageSize: [side, side],
    classes: ['even', 'odd'],
    labels: () => undefined,
    skipped: () => [],
    close: async () => {},
    async *batches({ order = new Uint32Array() }): AsyncGenerator<HostBatch> {
      const indices = Int32Array.from(order.filter((i) => i !== 3))
      const data = new Uint8Array(indices.length * side * side * channels)
      for (const [k, i] of indices.entries())
        data.fill(10 * i, k * side * side * channels, (k + 1) * side * side * channels)
      yield {
        images: { data, shape: [indices.length, side, side, channels] },
        labels: indices.map((i) => i % 2),
        indices,
      }
    },
  }
}

test.each([
  [16, 3],
  [16, 1],
  [80, 3],
  [80, 1],
  [16, 5],
] as const)('images of %i pixels and %i channels are arranged in a grid', async (side, channels) => {
  const atlas = await thumbnails(greys(side, channels), [5, 1, 3, 1, 99, 4])
  expect(atlas).toMatchObject({
    columns: 2,
    rows: 2,
    cell: Math.min(64, side),
    positions: [1, 4, 5],
    labels: [1, 0, 1],
    classes: ['even', 'odd'],
  })
  const { data, info } = await sharp(Buffer.from(atlas.src.split(',')[1]!, 'base64'))
    .raw()
    .toBuffer({ resolveWithObject: true })
  const at = (column: number, row: number) =>
    data[((row + 0.5) * atlas.cell * info.width + (column + 0.5) * atlas.cell) * info.channels]!
  expect(at(0, 0)).toBeCloseTo(10, -1)
  expect(at(1, 0)).toBeCloseTo(40, -1)
  expect(at(0, 1)).toBeCloseTo(50, -1)
})

test('throws if no image can be shown', async () => {
  await expect(thumbnails(greys(8, 3), [77])).rejects.toThrow('greys contains none of the requested images')
  await expect(thumbnails(greys(8, 3), [3])).rejects.toThrow('could be read')
})

test('sheet files are grouped by name and sorted by step', () => {
  const files = ['views.png', 'reconstructions-00000200.png', 'reconstructions-00000000.png', 'notes.txt']
  expect([...sheetFiles(files)]).toEqual([
    [
      'reconstructions',
      [
        { file: 'reconstructions-00000000.png', step: 0 },
        { file: 'reconstructions-00000200.png', step: 200 },
      ],
    ],
    ['views', [{ file: 'views.png', step: undefined }]],
  ])
})

test('shownPositions collects the positions of neighbours, clusters and map', () => {
  const common = {
    neighbours: [{ query: 7, nearest: [{ split: 'train' as const, position: 2, similarity: 1 }] }],
  }
  const record = { ...common, clusters: [{ size: 2, members: [8, 9] }] }
  expect(shownPositions([record as never], { positions: [1] })).toEqual({
    train: new Set([2]),
    test: new Set([7, 8, 9, 1]),
  })
})
