import { type HostBatch, SelfsupError } from '@selfsup/core'
import { describe, expect, it } from 'vitest'
import { shapeNames } from './kinds.js'
import { boxAround, renderScene } from './render.js'
import { drawScene } from './scene.js'
import { type ShapesOptions, shapes } from './shapes.js'

async function pixelsOf(options: ShapesOptions, batchSize = options.count!): Promise<Uint8Array[]> {
  const pixels: Uint8Array[] = []
  for await (const { images } of shapes(options).batches({ batchSize })) {
    const [count, height, width, channels] = images!.shape
    const bytes = height * width * channels
    for (let i = 0; i < count; i++) pixels.push(images!.data.slice(i * bytes, (i + 1) * bytes))
  }
  return pixels
}

describe('images', () => {
  it('depend only on seed, split and index', async () => {
    const first = await pixelsOf({ count: 20 })
    expect(await pixelsOf({ count: 20 }, 3)).toEqual(first)
    expect((await pixelsOf({ count: 50 })).slice(0, 20)).toEqual(first)
    const others = [await pixelsOf({ count: 20, seed: 2 }), await pixelsOf({ count: 20, split: 'test' })]
    for (const other of others) for (const [i, image] of other.entries()) expect(image).not.toEqual(first[i])
  })

  it('are the same in any order', async () => {
    const inOrder = await pixelsOf({ count: 30, size: 16 })
    for await (const { images, indices } of shapes({ count: 30, size: 16 }).batches({
      batchSize: 7,
      shuffle: [4, 2],
    })) {
      for (const [slot, index] of indices.entries())
        expect(images!.data.slice(slot * 768, (slot + 1) * 768)).toEqual(inOrder[index])
    }
  })

  it('of train and test are different', async () => {
    const train = new Set((await pixelsOf({ count: 300, size: 8 })).map(String))
    const test = (await pixelsOf({ count: 300, size: 8, split: 'test' })).map(String)
    expect(test.some((image) => train.has(image))).toBe(false)
  })

  it('have the requested size', async () => {
    const dataset = shapes({ size: 64, count: 3 })
    expect(dataset).toMatchObject({ imageSize: [64, 64], length: 3, channels: 3 })
    const batches: HostBatch[] = []
    for await (const batch of dataset.batches({ batchSize: 3 })) batches.push(batch)
    expect(batches[0]!.images!.shape).toEqual([3, 64, 64, 3])
  })
})

describe('annotations', () => {
  it('boxes contain the whole object and little more', () => {
    const size = 48
    for (let index = 0; index < 60; index++) {
      const scene = drawScene(11, index, 1)
      const [drawn, ground] = [new Uint8Array(size * size * 3), new Uint8Array(size * size * 3)]
      renderScene(scene, size, drawn)
      renderScene({ ...scene, objects: [] }, size, ground)
      const changed: { x: number; y: number }[] = []
      for (let p = 0; p < size * size; p++) {
        const differs = [0, 1, 2].some((c) => Math.abs(drawn[3 * p + c]! - ground[3 * p + c]!) > 64)
        if (differs) changed.push({ x: (p % size) + 0.5, y: Math.floor(p / size) + 0.5 })
      }
      expect(changed.length).toBeGreaterThan(8)
      const [left, top, width, height] = boxAround(scene.objects[0]!, size)
      for (const { x, y } of changed) {
        expect(x > left - 1 && x < left + width + 1 && y > top - 1 && y < top + height + 1).toBe(true)
      }
      expect(Math.max(...changed.map(({ x }) => x)) - Math.min(...changed.map(({ x }) => x))).toBeGreaterThan(
        width - 8,
      )
    }
  })

  it('are within the image, and the label is the kind of the first object', () => {
    const dataset = shapes({ count: 100, objects: 2, size: 32 })
    for (let index = 0; index < 100; index++) {
      const { objects, caption } = dataset.annotations(index)
      expect(objects).toHaveLength(2)
      expect(objects[0]!.kind).toBe(dataset.labels()![index])
      for (const {
        box: [left, top, width, height],
        kind,
        angle,
      } of objects) {
        expect(Math.min(left, top)).toBeGreaterThanOrEqual(0)
        expect(Math.max(left + width, top + height)).toBeLessThanOrEqual(32)
        expect(Math.min(width, height)).toBeGreaterThan(2)
        expect(angle >= 0 && angle < 2 * Math.PI).toBe(true)
        expect(caption).toContain(shapeNames[kind])
      }
    }
  })

  it('include values, boxes and captions', () => {
    const dataset = shapes({ count: 200, objects: 2 })
    for (let index = 0; index < 200; index++) {
      const { values, boxes, captions, objects, caption } = dataset.annotations(index)
      const { x, y, radius, angle, kind } = objects[0]!
      const turned = ['crescent', 'heart'].includes(shapeNames[kind]!)
      expect(values).toEqual({
        x,
        y,
        size: 2 * radius,
        ...(turned && { 'angle cosine': Math.cos(angle), 'angle sine': Math.sin(angle) }),
      })
      expect(boxes).toEqual(objects.map(({ kind, box }) => ({ label: kind, box })))
      expect(captions).toEqual([caption])
    }
  })

  it('captions are readable sentences', () => {
    const dataset = shapes({ count: 50 })
    for (let index = 0; index < 50; index++) {
      expect(dataset.annotations(index).caption).toMatch(
        /^an? (small|medium-sized|large) .+ (in the middle|at the (top|bottom|left|right)( left| right)?) on an? .+ background$/,
      )
    }
  })
})

describe('classes', () => {
  const COUNT = 4000
  const scenes = Array.from({ length: COUNT }, (_, index) => drawScene(1, index, 1))

  /** Pearson's chi-square of a property against the class, divided by the degrees of freedom: about 1 if independent. */
  const dependence = (property: (index: number) => string | number): number => {
    const table = new Map<string | number, number[]>()
    for (let index = 0; index < COUNT; index++) {
      const row = table.get(property(index)) ?? shapeNames.map(() => 0)
      row[scenes[index]!.objects[0]!.kind]!++
      table.set(property(index), row)
    }
    const totals = shapeNames.map((_, kind) => [...table.values()].reduce((sum, row) => sum + row[kind]!, 0))
    let chiSquare = 0
    for (const row of table.values()) {
      const rowTotal = row.reduce((a, b) => a + b, 0)
      for (const [kind, seen] of row.entries()) {
        const wanted = (rowTotal * totals[kind]!) / COUNT
        chiSquare += (seen - wanted) ** 2 / wanted
      }
    }
    return chiSquare / ((table.size - 1) * (shapeNames.length - 1))
  }

  it('have equal frequencies', () => {
    const counts = shapeNames.map(
      (_, kind) => scenes.filter(({ objects }) => objects[0]!.kind === kind).length,
    )
    for (const count of counts) expect(Math.abs(count - COUNT / shapeNames.length)).toBeLessThan(80)
  })

  it.each<[string, (index: number) => string | number]>([
    ['colour', (i) => scenes[i]!.objects[0]!.paint.name.replace('dark ', '')],
    ['texture', (i) => scenes[i]!.objects[0]!.texture],
    ['ground', (i) => scenes[i]!.ground],
    ["ground's colour", (i) => scenes[i]!.groundPaint.name],
    ['size', (i) => Math.floor(scenes[i]!.objects[0]!.radius * 40)],
    ['place', (i) => Math.floor(scenes[i]!.objects[0]!.x * 3)],
    ['angle', (i) => Math.floor(scenes[i]!.objects[0]!.angle)],
  ])('are independent of %s', (_, property) => {
    expect(dependence(property)).toBeLessThan(1.6)
  })
})

it.each<[ShapesOptions, string]>([
  [{ size: 4 }, 'size must be a whole number of at least 8; got 4'],
  [{ count: 0 }, 'count must be a whole number of at least 1; got 0'],
  [{ objects: 0 }, 'objects must be at least 1; got 0'],
  [{ split: 'all' as 'test' }, 'split must be train or test; got all'],
])('rejects %o', (options, message) => {
  expect(() => shapes(options)).toThrow(message)
  expect(() => shapes(options)).toThrow(SelfsupError)
})
