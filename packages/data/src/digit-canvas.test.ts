import { expect, test } from 'vitest'
import { type CanvasOptions, digitCanvas } from './digit-canvas.js'
import { openImages } from './open-images.js'
import { type Records, recordDataset } from './record-dataset.js'

/** "Digits" of 8 x 8 pixels: filled rectangles whose size depends on the class. */
function digits(more: Partial<Records> = {}) {
  return recordDataset({
    name: 'digits',
    count: 4,
    height: 8,
    width: 8,
    channels: 1,
    fingerprint: 'digits',
    classes: ['a', 'b', 'c', 'd'],
    labels: Int32Array.of(0, 1, 2, 3),
    read(positions, target) {
      for (const [slot, position] of positions.entries())
        for (let y = 1; y < 4 + position; y++) for (let x = 2; x < 6; x++) target[slot * 64 + y * 8 + x] = 255
    },
    ...more,
  })
}

test('boxes surround the drawn digits, and the label is the class of the first digit', async () => {
  const dataset = await digitCanvas(digits(), { size: 24, count: 40, digits: [1, 2] })
  expect([dataset.length, dataset.imageSize, dataset.classes?.length]).toEqual([40, [24, 24], 4])
  let several = 0
  for await (const { images, indices } of dataset.batches({ batchSize: 16 })) {
    for (const [slot, index] of indices.entries()) {
      const { boxes } = dataset.annotations!(index)!
      expect(boxes![0]!.label).toBe(dataset.labels()![index])
      if (boxes!.length > 1) several++
      const image = images!.data.subarray(slot * 576, (slot + 1) * 576)
      const bright = [...image.entries()].filter(([, value]) => value > 160)
      expect(bright.length).toBeGreaterThan(3)
      for (const [pixel] of bright) {
        const [x, y] = [(pixel % 24) + 0.5, Math.floor(pixel / 24) + 0.5]
        const inside = boxes!.some(
          ({ box: [left, top, width, height] }) =>
            x > left - 0.8 && x < left + width + 0.8 && y > top - 0.8 && y < top + height + 0.8,
        )
        expect(inside).toBe(true)
      }
      for (const { box, label } of boxes!) {
        // A rectangle of 4 x (3 + class) pixels, scaled.
        expect(box[3] / box[2]).toBeCloseTo((3 + label) / 4, 6)
        const [x, y] = [Math.floor(box[0] + box[2] / 2), Math.floor(box[1] + box[3] / 2)]
        expect(image[y * 24 + x]).toBe(255)
      }
    }
  }
  expect(several).toBeGreaterThan(5)
  const again = await digitCanvas(digits(), { size: 24, count: 40, digits: [1, 2] })
  expect(again.annotations!(7)).toEqual(dataset.annotations!(7))
})

test.each<[CanvasOptions, string]>([
  [{ size: 8 }, 'do not fit on 8 pixels'],
  [{ digits: [0, 1] }, 'digits must be two ascending whole numbers of at least 1; got 0,1'],
  [{ count: 0 }, 'count must be at least 1'],
])('rejects %o', async (options, message) => {
  await expect(digitCanvas(digits(), options)).rejects.toThrow(message)
})

test('rejects images without classes', async () => {
  await expect(digitCanvas(digits({ labels: undefined }))).rejects.toThrow('small grey images with classes')
})

test('openImages opens a canvas by its source', async () => {
  await expect(openImages('canvas:shapes')).rejects.toThrow(
    'digitCanvas: shapes must contain small grey images with classes',
  )
})
