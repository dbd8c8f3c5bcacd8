import { prepareEngine } from '@selfsup/engine'
import { randomNormal, randomUniform } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { convnet } from './convnet.js'
import { type VitOptions, visionTransformer } from './vit.js'
import { vitParts } from './vit-parts.js'

describe.each(testEngines())('the parts of a vision transformer on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })
  const make = (options: Partial<VitOptions> = {}) =>
    visionTransformer('tiny', { size: 8, seed: 4, ...options }, { width: 8, depth: 2, heads: 2 })
  const draw = () => randomNormal<tf.Rank.R4>([3, 8, 8, 3], tf.tensor1d([1, 2], 'int32'))

  test.each<[string, Partial<VitOptions>, number]>([
    ['a plain one', {}, 1],
    ['one with registers and LayerScale', { registers: 2, layerScale: 0.5 }, 3],
  ])('compose to the model without leaking tensors: %s', (_, options, learned) => {
    const model = make(options)
    const parts = vitParts(model)
    expect(parts).toMatchObject({ patchSize: 4, patches: 4, width: 8, learned })
    const before = tf.memory().numTensors
    tf.tidy(() => {
      const images = draw()
      const encoded = parts.encode(tf.concat([parts.classToken(3), parts.embed(images)], 1))
      expect(encoded.shape).toEqual([3, 4 + learned, 8])
      const first = [...tf.slice(encoded, [0, 0, 0], [3, 1, 8]).dataSync()]
      for (const [i, value] of [...(model.predict(images) as tf.Tensor).dataSync()].entries())
        expect(first[i]).toBeCloseTo(value, 5)
    })
    expect(tf.memory().numTensors).toBe(before)
    model.dispose()
  })

  test('accept any tokens: their order does not matter, omitted patches have no gradient', () => {
    const model = make()
    const { embed, encode } = vitParts(model)
    tf.tidy(() => {
      const images = draw()
      const encodePatches = (...which: number[]) =>
        encode(tf.gather(embed(images), tf.tensor1d(which, 'int32'), 1))
      const [ahead, reversed] = [encodePatches(1, 3), encodePatches(3, 1)]
      const back = tf.reverse(reversed, 1)
      expect(tf.max(tf.abs(tf.sub(ahead, back))).dataSync()[0]).toBeLessThan(1e-5)

      const weights = randomUniform([3, 2, 8], tf.tensor1d([3, 4], 'int32'))
      const gradient = tf.grad((x: tf.Tensor) =>
        tf.sum(tf.mul(encode(tf.gather(embed(x as tf.Tensor4D), tf.tensor1d([1, 3], 'int32'), 1)), weights)),
      )(images)
      // Patches 0 and 2 are the left half of the image.
      const [left, right] = tf.split(tf.sum(tf.abs(gradient), [0, 1, 3]), 2)
      expect(Math.max(...left!.dataSync())).toBe(0)
      expect(Math.min(...right!.dataSync())).toBeGreaterThan(0)
    })
    model.dispose()
  })

  test('rejects a different model', () => {
    const model = convnet({ size: 8 })
    expect(() => vitParts(model)).toThrow(
      'must be created by visionTransformer, such as vitSmall; got convnet',
    )
    model.dispose()
  })
})
