import { convnet, vitTiny } from '@selfsup/backbones'
import { encoderOf, type Method } from '@selfsup/core'
import { type Engine, prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { imageBatch, stepOf } from '../../../tooling/vitest/batches.js'
import { methodEngines, testEngines } from '../../../tooling/vitest/engines.js'
import { projectColours } from './colours.js'
import { cutPairs, neighbours, pairLayout } from './patch-pairs.js'
import { relativePatch, relativePatchDefinition } from './relative-patch.js'
import type { RelativePatchOptions } from './relative-patch-options.js'

const context = { imageShape: { size: 16, channels: 3 } }
const patches = { patch: 5, gap: 2, displacement: 1, pairs: 3, hidden: 8 }
const make = (options: RelativePatchOptions = {}, channels: 1 | 3 = 3) =>
  relativePatch(convnet({ size: 5, widths: [4, 8], channels }), { ...patches, ...options }, context)

function free(method: Method): void {
  method.networks.backbone.dispose()
  method.dispose()
}

describe.each(methodEngines())('relative patch on %s', (engine) => {
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

  test('labels are the direction of the second patch, checked on images whose pixels are their coordinates', () => {
    tf.tidy(() => {
      const layout = pairLayout(24, { patch: 6, gap: 3, displacement: 2 })
      const [rows, columns] = [0, 1].map((axis) =>
        tf.tile(tf.reshape(tf.range(0, 24), axis === 0 ? [1, 24, 1, 1] : [1, 1, 24, 1]), [
          100,
          axis === 0 ? 1 : 24,
          axis === 0 ? 24 : 1,
          1,
        ]),
      )
      const places = tf.concat([rows!, columns!], 3) as tf.Tensor4D
      const { first, second, labels } = cutPairs(places, layout, 8, tf.tensor1d([3, 4], 'int32'))
      expect([first.shape, second.shape]).toEqual([Array.of(800, 6, 6, 2), Array.of(800, 6, 6, 2)])
      const corner = (patch: tf.Tensor4D) => tf.slice(patch, [0, 0, 0, 0], [-1, 1, 1, -1])
      // Every pixel of a patch has the right distance from its corner.
      const inside = tf.sub(tf.slice(places, [0, 0, 0, 0], [1, 6, 6, 2]), 0)
      for (const patch of [first, second])
        expect(tf.max(tf.abs(tf.sub(tf.sub(patch, corner(patch)), inside))).dataSync()[0]).toBeLessThan(1e-4)
      const from = tf.round(corner(first)).dataSync()
      const to = tf.round(corner(second)).dataSync()
      const counts = Array(8).fill(0)
      const moved = new Set<number>()
      for (const [pair, label] of labels.dataSync().entries()) {
        counts[label]++
        for (const axis of [0, 1]) {
          const start = from[2 * pair + axis]!
          const shift = to[2 * pair + axis]! - start
          const jitter = shift - neighbours[label]![axis]! * 9
          moved.add(jitter)
          expect(Math.abs(jitter)).toBeLessThanOrEqual(2)
        }
      }
      expect(moved).toEqual(new Set([-2, -1, 0, 1, 2]))
      for (const count of counts) expect(Math.abs(count - 100)).toBeLessThan(40)
      expect(Math.min(...from, ...to)).toBe(0)
      expect(Math.max(...from, ...to)).toBe(24 - 6)
    })
  })

  test.each(['project', 'drop', 'keep'] as const)(
    'views with colours %s: the same seed gives the same patches',
    (colours) => {
      const method = make({ colours })
      tf.tidy(() => {
        const [views, again] = [1, 2].map(() => method.views(imageBatch(2), stepOf()))
        expect(views!.patches.shape).toEqual([2 * 6, 5, 5, 3])
        expect(views!.labels.shape).toEqual([6])
        expect(again!.patches.dataSync()).toEqual(views!.patches.dataSync())
        const projected = projectColours(views!.patches, method.normalisation!)
        const difference = tf.max(tf.abs(tf.sub(projected, views!.patches))).dataSync()[0]!
        if (colours === 'project') expect(difference).toBeLessThan(1e-4)
        else expect(difference).toBeGreaterThan(0.1)
      })
      free(method)
    },
  )

  test('features are the backbone’s output for whole images, with the same colour processing as patches', () => {
    const method = make()
    tf.tidy(() => {
      const whole = tf.randomNormal([2, 16, 16, 3], 0, 1, 'float32', 1) as tf.Tensor4D
      const features = encoderOf(method)(whole)
      const wanted = method.networks.backbone.apply(projectColours(whole, method.normalisation!)) as tf.Tensor
      expect(features.shape).toEqual([2, 8])
      expect(tf.max(tf.abs(tf.sub(features, wanted))).dataSync()[0]).toBeLessThan(1e-6)
    })
    free(method)
  })
})

describe('features of backbones with a fixed input size', () => {
  let engine: Engine
  beforeAll(async () => {
    engine = await prepareEngine({ engine: testEngines()[0] })
  })

  test('are the mean over patches that cover the image', async () => {
    const backbone = vitTiny({ size: 4, patchSize: 4 })
    const method = relativePatch(
      backbone,
      { patch: 4, gap: 1, colours: 'keep' },
      { imageShape: { size: 10, channels: 3 } },
    )
    const encode = engine.compile(encoderOf(method))
    tf.tidy(() => {
      const whole = tf.randomNormal([2, 10, 10, 3], 0, 1, 'float32', 1) as tf.Tensor4D
      const each = [0, 3, 6].flatMap((top) =>
        [0, 3, 6].map(
          (left) => backbone.apply(tf.slice(whole, [0, top, left, 0], [-1, 4, 4, -1])) as tf.Tensor,
        ),
      )
      const difference = tf.sub(encode(whole), tf.mean(tf.stack(each), 0))
      expect(tf.max(tf.abs(difference)).dataSync()[0]).toBeLessThan(1e-4)
    })
    encode.dispose()
    free(method)
  })
})

describe('settings that do not fit are rejected when the method is created', () => {
  beforeAll(async () => {
    await prepareEngine({ engine: testEngines()[0] })
  })

  test.each([
    [
      16,
      {},
      'two patches of 8 pixels, a gap of 4 and a displacement of 1 need 21 pixels, but the images have 16',
    ],
    [
      32,
      { patch: 8, gap: 1, displacement: 2 },
      'a displacement of 2 pixels with a gap of 1 could make patches overlap; set displacement to at most the gap',
    ],
    [
      32,
      { patch: 10 },
      'the backbone takes images of 8 pixels, but patches have 10; create the backbone for 10 pixels',
    ],
    [32, { colours: 'none' }, 'colours must be one of project, drop, keep'],
    [32, { pairs: 0 }, 'pairs must be a whole number of at least 1; got 0'],
  ] as const)('images of %i pixels, %o', (size, options, message) => {
    const backbone = convnet({ size: 8, widths: [4, 8] })
    const make = () =>
      relativePatch(backbone, options as RelativePatchOptions, { imageShape: { size, channels: 3 } })
    expect(make).toThrow(message)
    backbone.dispose()
  })

  test('backboneInput returns the size of a patch, and rejects images that are too small', () => {
    const options = { patch: 'auto', gap: 'auto', displacement: 'auto' } as Parameters<
      NonNullable<typeof relativePatchDefinition.backboneInput>
    >[1]
    const sideFor = (size: number) =>
      relativePatchDefinition.backboneInput!({ size, channels: 3 }, options).size
    expect([28, 32, 64, 96, 224, 256].map(sideFor)).toEqual([8, 12, 24, 36, 80, 96])
    expect(() => sideFor(16)).toThrow('use larger images')
  })

  test('the default layout of 256 pixels is the paper’s', () => {
    expect(pairLayout(256, { patch: 'auto', gap: 'auto', displacement: 'auto' })).toEqual({
      size: 256,
      patch: 96,
      gap: 48,
      displacement: 7,
    })
  })

  test('the default size of the images is 8/3 of a patch', () => {
    const backbone = convnet({ size: 12, widths: [4, 8] })
    const method = relativePatch(backbone)
    expect(method.crops[0]!.size).toBe(32)
    method.dispose()
    backbone.dispose()
  })
})
