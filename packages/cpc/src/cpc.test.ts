import { convnet } from '@selfsup/backbones'
import { encoderOf, type Method, resolveOptions } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { imageBatch, stepOf } from '../../../tooling/vitest/batches.js'
import { methodEngines, testEngines } from '../../../tooling/vitest/engines.js'
import { cpc, definition } from './cpc.js'
import type { CpcOptions } from './cpc-options.js'
import { cutPatches, patchGrid } from './patches.js'

/** A method for images of 16 pixels in patches of 4 pixels: a grid of 7 x 7. */
const make = (options: CpcOptions = {}, channels: 1 | 3 = 3) =>
  cpc(convnet({ widths: [4, 8], size: 4, norm: 'layer', channels }), {
    blocks: 2,
    width: 8,
    targets: 8,
    ...options,
  })

function free(method: Method): void {
  method.networks.backbone.dispose()
  method.dispose()
}

/** The values of a tensor of shape [7, 7, features], one array per row of the grid. */
const rowsOf = (x: tf.Tensor) => tf.unstack(tf.reshape(x, [7, -1])).map((row) => [...row.dataSync()])

describe.each(methodEngines())('cpc on %s', (engine) => {
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

  test('contexts do not depend on the patches they predict: changing the lower half leaves those above unchanged', () => {
    const method = make()
    const grid = patchGrid(16, 4, 2)
    tf.tidy(() => {
      const above = tf.randomNormal([1, 8, 16, 3], 0, 1, 'float32', 1)
      const below = [2, 3].map((seed) => tf.randomNormal([1, 8, 16, 3], 0, 1, 'float32', seed))
      const [first, second] = below.map((half) => {
        const patches = cutPatches(tf.concat([above, half], 1) as tf.Tensor4D, grid)
        const latents = method.networks.backbone.apply(patches, { training: true }) as tf.Tensor
        return (method.networks.downContext!.apply(tf.reshape(latents, [1, 7, 7, 8])) as tf.Tensor[]).map(
          rowsOf,
        )
      })
      // Patches of rows 0 to 2 end at pixel 8; those of row 3 start at pixel 6.
      for (const [i, output] of first!.entries()) {
        for (let row = 0; row < 3; row++) expect(second![i]![row]).toEqual(output[row])
        for (let row = 3; row < 7; row++) expect(second![i]![row]).not.toEqual(output[row])
      }
    })
    free(method)
  })

  test('a context depends on its own row and one row above per block', () => {
    const method = make({ blocks: 2 })
    tf.tidy(() => {
      const context = (latents: tf.Tensor) =>
        rowsOf((method.networks.downContext!.apply(latents) as tf.Tensor[])[0]!)
      const latents = tf.randomNormal([1, 7, 7, 8], 0, 1, 'float32', 1)
      const row = tf.cast(tf.equal(tf.range(0, 7), 2), 'float32')
      const changed = context(tf.add(latents, tf.mul(tf.reshape(row, [1, 7, 1, 1]), 3)))
      const differs = context(latents).map((values, r) => values.some((value, i) => value !== changed[r]![i]))
      expect(differs).toEqual([false, false, true, true, true, false, false])
    })
    free(method)
  })

  test.each([
    ['vertical', [1]],
    ['all', [1, 2]],
  ] as const)(
    'with equal weights in the %s directions the loss does not change when the grid is turned',
    (directions, axes) => {
      const method = make({ directions })
      const { downContext, ...others } = method.networks as Record<string, LayersModel>
      for (const [name, network] of Object.entries(others))
        if (name.endsWith('Context')) network.setWeights(downContext!.getWeights())
      tf.tidy(() => {
        const views = method.views(imageBatch(3), stepOf()) as tf.Tensor4D
        const loss = (x: tf.Tensor) => method.loss(x as tf.Tensor4D, stepOf(), undefined).loss.dataSync()[0]!
        const grid = tf.reshape(views, [3, 7, 7, -1])
        for (const axis of axes)
          expect(loss(tf.reshape(tf.reverse(grid, axis), views.shape))).toBeCloseTo(loss(views), 5)
        const across = loss(tf.reshape(tf.transpose(grid, [0, 2, 1, 3]), views.shape))
        if (directions === 'all') expect(across).toBeCloseTo(loss(views), 5)
        else expect(Math.abs(across - loss(views))).toBeGreaterThan(1e-5)
      })
      free(method)
    },
  )

  test.each([{ patchAugmentation: false }, { patchAugmentation: true }])(
    'views are patches that depend only on the seed: %o',
    (options) => {
      const method = make(options)
      tf.tidy(() => {
        const [first, again] = [1, 2].map(() => method.views(imageBatch(2), stepOf()) as tf.Tensor4D)
        expect(first!.shape).toEqual([2 * 49, 4, 4, 3])
        expect(first!.dataSync()).toEqual(again!.dataSync())
        // Neighbouring patches overlap; the shared pixels are equal unless each patch is augmented independently.
        const [left, right] = [0, 1].map((patch) =>
          tf.slice(first!, [patch, 0, patch === 0 ? 2 : 0, 0], [1, 4, 2, 3]),
        )
        const difference = tf.max(tf.abs(tf.sub(left!, right!))).dataSync()[0]!
        if (options.patchAugmentation) expect(difference).toBeGreaterThan(0.01)
        else expect(difference).toBe(0)
      })
      expect(method.crops).toHaveLength(1)
      free(method)
    },
  )

  test('a quarter of the patches keep only one colour channel', () => {
    const method = make({ patchAugmentation: true, grayscale: 0 })
    tf.tidy(() => {
      const views = method.views(imageBatch(8), stepOf()) as tf.Tensor4D
      const silent = tf.equal(tf.max(tf.abs(views), [1, 2]), 0)
      const counts = [...tf.sum(tf.cast(silent, 'int32'), 1).dataSync()]
      expect(new Set(counts)).toEqual(new Set([0, 2]))
      const part = counts.filter((count) => count === 2).length / counts.length
      expect(Math.abs(part - 0.25)).toBeLessThan(0.08)
    })
    free(method)
  })

  test('features are the mean over the patches', () => {
    const method = make()
    tf.tidy(() => {
      const whole = tf.randomNormal([2, 16, 16, 3], 0, 1, 'float32', 1) as tf.Tensor4D
      const features = encoderOf(method)(whole)
      const patches = cutPatches(whole, patchGrid(16, 4, 2))
      const each = tf.reshape(method.networks.backbone.apply(patches) as tf.Tensor, [2, 49, 8])
      expect(features.shape).toEqual([2, 8])
      expect(tf.max(tf.abs(tf.sub(features, tf.mean(each, 1)))).dataSync()[0]).toBeLessThan(1e-6)
    })
    free(method)
  })
})

describe('rejects sizes and options that do not match', () => {
  beforeAll(async () => {
    await prepareEngine({ engine: testEngines()[0] })
  })
  test.each([
    [8, {}, 'patch must be at most the image size, 6 pixels; got 8; set patch to at most 3', 6],
    [8, { patch: 4 }, "the backbone's input size must be the patch size, 4 pixels; got 8", 32],
    [8, {}, '3 rows of patches are too few to predict 5 steps ahead; set steps to at most 2', 16],
    [8, { steps: 2, ignored: 2 }, 'ignored must be less than steps (2); got 2', 32],
    [8, { directions: 'sideways' }, 'directions must be one of down, vertical, all', 32],
  ] as const)('%i pixels, %o', (patch, options, message, size) => {
    const backbone = convnet({ size: patch, widths: [4, 8] })
    const imageShape = { size, channels: 3 }
    expect(() => cpc(backbone, options as CpcOptions, { imageShape })).toThrow(message)
    backbone.dispose()
  })
})

test('the default backbone has the size of a patch', () => {
  const options = resolveOptions(definition)
  expect(definition.backboneInput!({ size: 256, channels: 3 }, options)).toMatchObject({
    size: 64,
    norm: 'layer',
  })
  expect(definition.backboneInput!({ size: 28, channels: 1 }, options)).toMatchObject({
    size: 8,
    channels: 1,
  })
})
