import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import fixture from './fixtures/vit.json' with { type: 'json' }
import { visionTransformer, vitSmall, vitTiny } from './vit.js'

/** Numbers in [-0.5, 0.5), as in the Python script. */
function draw(count: number, offset: number): Float32Array {
  return Float32Array.from(
    { length: count },
    (_, i) => (Math.abs(Math.sin(i * 12.9898 + offset) * 43758.5453) % 1) - 0.5,
  )
}

function fill(model: LayersModel): void {
  for (const { originalName: name, shape, read } of namedWeights(model)) {
    const values = draw(tf.util.sizeFromShape(shape), [...name].reduce((s, c) => s + c.charCodeAt(0), 0) % 97)
    tf.tidy(() =>
      read().assign(tf.tensor(name.endsWith('gamma') ? values.map((v) => 1 + 0.5 * v) : values, shape)),
    )
  }
}

function namedWeights(model: LayersModel) {
  return model.trainableWeights.map((weight) => ({
    originalName: weight.originalName,
    shape: weight.shape as number[],
    read: () => weight.read() as tf.Variable,
  }))
}

function parameters(model: LayersModel): number {
  return namedWeights(model).reduce((sum, { shape }) => sum + tf.util.sizeFromShape(shape), 0)
}

describe.each(testEngines())('vision transformers on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })

  test('features and every gradient equal PyTorch’s', () => {
    const model = visionTransformer('tiny', { size: 8 }, { width: 8, depth: 2, heads: 2 })
    fill(model)
    const before = tf.memory().numTensors
    tf.tidy(() => {
      const images = tf.tensor4d(
        draw(2 * 8 * 8 * 3, 5).map((v) => v * 4),
        [2, 8, 8, 3],
      )
      const rows = (model.predict(images) as tf.Tensor2D).arraySync()
      for (const [i, row] of fixture.features.entries())
        for (const [j, value] of row.entries()) expect(rows[i]![j]).toBeCloseTo(value, 4)

      const along = tf.tensor2d(draw(16, 9), [2, 8])
      const { grads } = tf.variableGrads(() =>
        tf.sum(tf.mul(model.apply(images, { training: true }) as tf.Tensor, along)),
      )
      const expected = fixture.gradients as Record<string, number[]>
      expect(namedWeights(model).map(({ originalName }) => originalName)).toEqual(
        expect.arrayContaining(Object.keys(expected)),
      )
      for (const { originalName, read } of namedWeights(model)) {
        const gradient = grads[read().name]!.dataSync<'float32'>()
        const length = Math.hypot(...gradient)
        for (const [i, value] of expected[originalName]!.entries())
          expect(Math.abs((i === 8 ? length : gradient[i]!) - value), `${originalName} ${i}`).toBeLessThan(
            2e-4 * (1 + expected[originalName]![8]!),
          )
      }
    })
    expect(tf.memory().numTensors).toBe(before)
    model.dispose()
  })

  test('disposing a model frees all its weights', () => {
    const before = tf.memory().numTensors
    visionTransformer('tiny', { size: 8 }, { width: 8, depth: 1, heads: 2 }).dispose()
    expect(tf.memory().numTensors).toBe(before)
  })

  test('initial weights are DeiT’s', () => {
    const model = visionTransformer('tiny', { size: 32 }, { width: 64, depth: 1, heads: 2 })
    const deviation = (layer: string, index = 0) => {
      const values = model.getLayer(layer).getWeights()[index]!.dataSync<'float32'>()
      return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length)
    }
    for (const layer of ['class-token', 'positions', 'block1/attention/qkv', 'block1/mlp/2'])
      expect(Math.abs(deviation(layer) / 0.02 - 1), layer).toBeLessThan(layer === 'class-token' ? 0.3 : 0.05)
    expect(deviation('block1/attention/qkv', 1)).toBe(0)
    // Uniform within 1 / sqrt(48).
    expect(deviation('patches/projection')).toBeCloseTo(1 / 12, 2)
    model.dispose()
  })

  test('a frozen patch projection has initial weights and no gradient', () => {
    const shape = { width: 8, depth: 1, heads: 2 }
    const [free, frozen] = [false, true].map((freezePatchProjection) =>
      visionTransformer('tiny', { size: 8, seed: 5, freezePatchProjection }, shape),
    ) as [LayersModel, LayersModel]
    const names = (model: LayersModel) => namedWeights(model).map(({ originalName }) => originalName)
    expect(names(free).filter((name) => !names(frozen).includes(name))).toEqual([
      'patches/projection/kernel',
      'patches/projection/bias',
    ])
    const kernel = (model: LayersModel) => model.getLayer('patches/projection').getWeights()[0]!.dataSync()
    expect(kernel(frozen)).toEqual(kernel(free))
    expect(Math.max(...kernel(frozen))).toBeCloseTo(1 / Math.sqrt(48), 2)
    free.dispose()
    frozen.dispose()
  })
})

// Counts published by timm and DeiT, with a classifier of 1000 classes: 5,717,416 and 22,050,664.
test.each([
  ['ViT-Ti', vitTiny, 192, 5_717_416],
  ['ViT-S', vitSmall, 384, 22_050_664],
] as const)('%s has as many weights as DeiT’s', (_, create, width, withClassifier) => {
  const model = create({ size: 224 })
  const patches = 16 * 16 * 3 * width + width
  const tokens = width + (1 + 14 * 14) * width
  const attention = width * 3 * width + 3 * width + width * width + width
  const perceptron = width * 4 * width + 4 * width + 4 * width * width + width
  const blocks = 12 * (2 * width + attention + 2 * width + perceptron)
  expect(parameters(model)).toBe(patches + tokens + blocks + 2 * width)
  expect(parameters(model)).toBe(withClassifier - (1000 * width + 1000))
  model.dispose()
})

test('rejects patches that do not divide the image', () => {
  expect(() => vitTiny({ size: 32, patchSize: 5 })).toThrow(
    'vitTiny: patchSize must be a whole number that divides the size; got patchSize 5, size 32',
  )
})
