import { convnet } from '@selfsup/backbones'
import { encoderOf, type Method } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { imageBatch, stepOf } from '../../../tooling/vitest/batches.js'
import { methodEngines, testEngines } from '../../../tooling/vitest/engines.js'
import { jigsaw, jigsawDefinition } from './jigsaw.js'
import type { JigsawOptions } from './jigsaw-options.js'
import { inverse, permutationSet } from './permutations.js'
import { cutTiles, standardise, tileLayout } from './tiles.js'

const context = { imageShape: { size: 16, channels: 3 } }
const small = { tile: 4, permutations: 20, puzzles: 2, tileFeatures: 6, hidden: 8 }
const make = (options: JigsawOptions = {}, channels: 1 | 3 = 3) =>
  jigsaw(convnet({ size: 4, widths: [4, 8], channels }), { ...small, ...options }, context)

function free(method: Method): void {
  method.networks.backbone.dispose()
  method.dispose()
}

/** Images whose channels are row, column and row of each pixel. */
function places(count: number, size: number): tf.Tensor4D {
  const row = tf.tile(tf.reshape(tf.range(0, size), [1, size, 1, 1]), [count, 1, size, 1])
  return tf.concat([row, tf.transpose(row, [0, 2, 1, 3]), row], 3) as tf.Tensor4D
}

describe.each(methodEngines())('jigsaw on %s', (engine) => {
  let tensors: number
  beforeAll(async () => {
    await prepareEngine({ engine })
  })
  beforeEach(() => {
    tensors = tf.memory().numTensors
  })
  afterEach(() => {
    expect(tf.memory().numTensors).toBe(tensors)
  })

  test('tiles are in row-major order, each at a random position in its cell', () => {
    tf.tidy(() => {
      const layout = tileLayout(32, { square: 'auto', tile: 7, colourShift: 0 })
      expect(layout).toEqual({ square: 30, cell: 10, tile: 7, colourShift: 0 })
      const cut = cutTiles(places(60, 30), layout, tf.tensor1d([3, 4], 'int32'))
      expect(cut.shape).toEqual([60 * 9, 7, 7, 3])
      const corners = tf.round(tf.slice(cut, [0, 0, 0, 0], [-1, 1, 1, 2])).dataSync()
      const found = new Set<number>()
      for (let tile = 0; tile < 60 * 9; tile++) {
        const number = Math.floor(tile / 60)
        const cell = [Math.floor(number / 3), number % 3]
        for (const axis of [0, 1]) found.add(corners[2 * tile + axis]! - 10 * cell[axis]!)
      }
      expect([...found].sort()).toEqual([0, 1, 2, 3])
      const inside = tf.slice(places(1, 30), [0, 0, 0, 0], [1, 7, 7, 3])
      const wanted = tf.add(tf.slice(cut, [0, 0, 0, 0], [-1, 1, 1, -1]), inside)
      expect(tf.max(tf.abs(tf.sub(cut, wanted))).dataSync()[0]).toBeLessThan(1e-4)
    })
  })

  test('shifts colours against each other, within the cell', () => {
    tf.tidy(() => {
      const layout = tileLayout(30, { square: 'auto', tile: 7, colourShift: 2 })
      const cut = cutTiles(places(60, 30), layout, tf.tensor1d([3, 4], 'int32'))
      const corner = tf.round(tf.slice(cut, [0, 0, 0, 0], [-1, 1, 1, -1])).dataSync()
      const shifts = new Set<number>()
      for (let tile = 0; tile < 60 * 9; tile++) {
        const [first, , third] = corner.slice(3 * tile)
        shifts.add(third! - first!)
        const start = 10 * Math.floor(tile / 60 / 3)
        for (const row of [first!, third!]) {
          expect(row).toBeGreaterThanOrEqual(start)
          expect(row + 7).toBeLessThanOrEqual(start + 10)
        }
      }
      expect(Math.min(...shifts)).toBeLessThan(-1)
      expect(Math.max(...shifts)).toBeGreaterThan(1)
    })
  })

  test('standardise gives each tile mean 0 and deviation 1 per colour, and uniform tiles 0', () => {
    tf.tidy(() => {
      const tiles = tf.randomNormal([5, 4, 4, 3], 3, 2, 'float32', 1) as tf.Tensor4D
      const { mean, variance } = tf.moments(standardise(tiles), [1, 2])
      expect(tf.max(tf.abs(mean)).dataSync()[0]).toBeLessThan(1e-5)
      expect(tf.max(tf.abs(tf.sub(variance, 1))).dataSync()[0]).toBeLessThan(1e-3)
      expect(tf.max(tf.abs(standardise(tf.fill([1, 4, 4, 3], 7)))).dataSync()[0]).toBe(0)
      const scaled = standardise(tf.add(tf.mul(tiles, 3), 5))
      expect(tf.max(tf.abs(tf.sub(scaled, standardise(tiles)))).dataSync()[0]).toBeLessThan(1e-3)
    })
  })

  test('labels are the indices of the orders, whose inverses restore the tiles', () => {
    const method = make({ puzzles: 3 })
    tf.tidy(() => {
      const views = method.views(imageBatch(4), stepOf())
      expect([views.tiles.shape, views.orders.shape, views.labels.shape]).toEqual([
        [36, 4, 4, 3],
        [12, 9],
        [12],
      ])
      const set = permutationSet(20)
      const orders = views.orders.arraySync()
      const image = tf.gather(
        views.tiles,
        [...Array(9).keys()].map((tile) => 4 * tile + 1),
      )
      for (const [puzzle, label] of views.labels.dataSync().entries()) {
        expect(orders[puzzle]).toEqual(set[label])
        const put = tf.gather(image, orders[puzzle]!)
        expect(tf.gather(put, [...inverse(orders[puzzle]!)]).dataSync()).toEqual(image.dataSync())
      }
      expect(new Set(views.labels.dataSync()).size).toBeGreaterThan(3)
      expect(method.views(imageBatch(4), stepOf()).orders.dataSync()).toEqual(views.orders.dataSync())
    })
    free(method)
  })

  test('the head receives the features of the tiles in permuted order', () => {
    const method = make({ puzzles: 3 })
    const { backbone, tiles, head } = method.networks
    tf.tidy(() => {
      const views = method.views(imageBatch(2), stepOf())
      const each = tf.unstack(tf.relu(tiles!.apply(backbone.apply(views.tiles)) as tf.Tensor))
      const rows = views.orders
        .arraySync()
        .map((order, puzzle) => tf.concat(order.map((tile) => each[2 * tile + (puzzle % 2)]!)))
      const wanted = head!.apply(tf.stack(rows)) as tf.Tensor
      expect(tf.max(tf.abs(tf.sub(method.solve(views), wanted))).dataSync()[0]).toBeLessThan(1e-5)
    })
    free(method)
  })

  test('features are the backbone’s output for whole images, standardised as tiles are; also for grayscale images', () => {
    const method = make()
    const gray = make({}, 1)
    tf.tidy(() => {
      const pixels = tf.randomNormal([2, 16, 16, 3], 0, 1, 'float32', 1) as tf.Tensor4D
      const wanted = method.networks.backbone.apply(standardise(pixels)) as tf.Tensor
      expect(tf.max(tf.abs(tf.sub(encoderOf(method)(pixels), wanted))).dataSync()[0]).toBeLessThan(1e-6)
      const { images, ...batch } = imageBatch(2, { channels: 1 })
      for (const given of [{ images }, { crops: [tf.slice(images, 0, [2, 15, 15, 1])] }])
        expect(gray.views({ ...given, ...batch }, stepOf()).tiles.shape).toEqual([18, 4, 4, 1])
    })
    free(method)
    free(gray)
  })
})

describe('settings that do not fit are rejected when the method is created', () => {
  beforeAll(async () => {
    await prepareEngine({ engine: testEngines()[0] })
  })

  test.each([
    [32, { square: 32 }, '32 pixels cannot be divided into 3 rows of cells; set square to 30'],
    [32, { square: 33 }, 'a square of 33 pixels is larger than the images of 32; set square to at most 30'],
    [
      24,
      {},
      'tiles of 8 pixels leave no gap between them in cells of 8 (a third of 24); set tile to at most 7',
    ],
    [
      32,
      { tile: 9 },
      'the backbone takes images of 8 pixels, but tiles have 9; create the backbone for 9 pixels',
    ],
    [
      32,
      { colourShift: 3 },
      "colours shifted by 3 pixels would leave the tile's cell, which is 2 pixels larger",
    ],
    [32, { permutations: 1001 }, 'permutations must be a whole number from 2 to 1000; got 1001'],
    [32, { permutations: 1 }, 'permutations must be a whole number from 2 to 1000; got 1'],
  ])('images of %i pixels, %o', (size, options, message) => {
    const backbone = convnet({ size: 8, widths: [4, 8] })
    expect(() => jigsaw(backbone, options, { imageShape: { size, channels: 3 } })).toThrow(message)
    backbone.dispose()
  })

  test('backboneInput returns the size of a tile', () => {
    const options = { square: 'auto', tile: 'auto', colourShift: 'auto' } as Parameters<
      NonNullable<typeof jigsawDefinition.backboneInput>
    >[1]
    const sideFor = (size: number) => jigsawDefinition.backboneInput!({ size, channels: 3 }, options).size
    expect([28, 32, 64, 96, 224, 256].map(sideFor)).toEqual([8, 8, 16, 24, 60, 64])
  })

  test('the default layout of 225 pixels is the paper’s, and follows from a backbone for its tiles', () => {
    const wanted = { square: 225, cell: 75, tile: 64, colourShift: 2 }
    expect(tileLayout(225, { square: 'auto', tile: 'auto', colourShift: 'auto' })).toEqual(wanted)
    const backbone = convnet({ size: 64, widths: [4, 8] })
    const method = jigsaw(backbone)
    expect(method.crops[0]!.size).toBe(225)
    method.dispose()
    backbone.dispose()
  })
})
