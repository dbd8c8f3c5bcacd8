import { type Engine, prepareEngine } from '@selfsup/engine'
import { findTensorflow } from '@selfsup/tensorflow'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-layers' // registers the gradients
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import fixture from './fixtures/r1.json' with { type: 'json' }
import { r1Penalty, steepestDirections } from './r1.js'

const tensor = ({ shape, values }: { shape: number[]; values: number[] }) => tf.tensor(values, shape)
const norm = (x: ArrayLike<number>) => Math.hypot(...Array.from(x))

// Computed by fixtures/r1.py with PyTorch's second derivatives, in float32 and with torch.autocast.
describe.skipIf(findTensorflow()?.source !== 'selfsup')('R1 in mixed precision', () => {
  let engine: Engine
  let weights: tf.Variable[]
  let images: tf.Tensor4D

  beforeAll(async () => {
    engine = await prepareEngine({ engine: 'tensorflow', mixedPrecision: 'on' })
    weights = [...fixture.filters, fixture.linear].map((w) => tf.tidy(() => tf.variable(tensor(w))))
    images = tensor(fixture.images) as tf.Tensor4D
  })
  afterAll(() => tf.dispose([...weights, images]))

  function discriminator([a, b, c]: tf.Tensor[]) {
    return (x: tf.Tensor4D) => {
      const inner = tf.softplus(tf.conv2d(x, a as tf.Tensor4D, 2, 'same'))
      const h = tf.softplus(tf.conv2d(inner as tf.Tensor4D, b as tf.Tensor4D, 2, 'same'))
      return tf.matMul(tf.reshape(h, [x.shape[0], -1]) as tf.Tensor2D, c as tf.Tensor2D)
    }
  }

  function penalty(eager: boolean) {
    const step = engine.compile(
      () => {
        const direction = steepestDirections(discriminator(weights), images)
        const gradients = tf.valueAndGrads((...w) => r1Penalty(discriminator(w), images, direction))
        const { value, grads } = gradients(weights)
        return { value, grads }
      },
      { eager },
    )
    const { value, grads } = step()
    step.dispose()
    const result = { value: value.dataSync()[0]!, gradients: grads.map((grad) => grad.dataSync()) }
    tf.dispose([value, grads])
    return result
  }

  test('the finite difference equals PyTorch’s second derivative in float32', () => {
    const { value, gradients } = penalty(true)
    expect(Math.abs(value - fixture.penalty) / fixture.penalty).toBeLessThan(1e-3)
    fixture.norms.forEach((wanted, i) => {
      expect(Math.abs(norm(gradients[i]!) - wanted) / wanted).toBeLessThan(0.005)
    })
  })

  test('its gradients are as accurate as those of autocast', () => {
    expect(engine.precision).toBe('mixed-bfloat16')
    const before = tf.memory().numTensors
    const [exact, mixed] = [penalty(true), penalty(false)]
    expect(tf.memory().numTensors).toBe(before)
    expect(Math.abs(mixed.value - exact.value) / exact.value).toBeLessThan(0.005)
    fixture.autocast.errors.forEach((rough, i) => {
      const difference = exact.gradients[i]!.map((value, j) => value - mixed.gradients[i]![j]!)
      const error = norm(difference) / norm(exact.gradients[i]!)
      expect(error).toBeGreaterThan(1e-6) // or mixed precision was off
      expect(error).toBeLessThan(1.5 * rough)
    })
  })
})
