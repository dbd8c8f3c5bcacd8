import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import fixture from './fixtures/features.json' with { type: 'json' }
import { backbones } from './registry.js'

/** Numbers in [-0.5, 0.5), as in the Python script. */
function draw(count: number, offset: number): Float32Array {
  const values = new Float32Array(count)
  for (let i = 0; i < count; i++)
    values[i] = (Math.abs(Math.sin(i * 12.9898 + offset) * 43758.5453) % 1) - 0.5
  return values
}

function fill(model: LayersModel): void {
  for (const weight of model.trainableWeights) {
    const parts = weight.originalName.split('/')
    const kind = parts.pop()
    const offset = [...parts.join('/')].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 97
    const variable = weight.read() as tf.Variable
    const { shape, size } = variable
    const kernel = () => {
      const scale = Math.sqrt(24 / (shape[0]! * shape[1]! * shape[2]!))
      return draw(size, offset).map((v) => v * scale)
    }
    const values =
      kind === 'kernel'
        ? kernel()
        : kind === 'gamma'
          ? draw(size, offset).map((v) => 1 + 0.5 * v)
          : draw(size, offset + 1).map((v) => 0.5 * v)
    tf.tidy(() => variable.assign(tf.tensor(values, shape)))
  }
}

function close(features: tf.Tensor, expected: number[][]): void {
  const rows = features.arraySync() as number[][]
  expected.forEach((row, i) => {
    row.forEach((value, j) => {
      expect(Math.abs(rows[i]![j]! - value)).toBeLessThan(5e-4 * (1 + Math.abs(value)))
    })
  })
}

describe.each(testEngines())('features equal torchvision’s on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })

  // The slower engine only tests small networks.
  const cases = fixture.filter(({ parameters }) => engine === 'tensorflow' || parameters < 12_000_000)
  test.each(cases)('$name, $size pixels, $stem stem', ({ name, size, stem, parameters, ...expected }) => {
    const options = { size, ...(stem ? { stem } : {}) }
    const model = backbones.find((backbone) => backbone.name === name)!.create(options)
    const count = model.trainableWeights.reduce(
      (sum, weight) => sum + weight.shape.reduce((a: number, b) => a * b!, 1),
      0,
    )
    expect(count).toBe(parameters)
    fill(model)
    const input = tf.tensor4d(
      draw(2 * size * size * 3, 5).map((v) => v * 4),
      [2, size, size, 3],
    )
    const before = tf.memory().numTensors
    tf.tidy(() => close(model.predict(input) as tf.Tensor, expected.evaluation))
    tf.tidy(() => close(model.apply(input, { training: true }) as tf.Tensor, expected.training))
    tf.tidy(() => close(model.predict(input) as tf.Tensor, expected.afterwards))
    expect(tf.memory().numTensors).toBe(before)
    input.dispose()
    model.dispose()
  })
})
