import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-layers' // registers the gradients
import { beforeAll, describe, expect, test } from 'vitest'
import type { TensorflowBackend } from './backend.js'
import { compileStep } from './captured-step.js'
import { findTensorflow } from './find.js'
import { loadTensorflow } from './load.js'

type Step = (x: tf.Tensor4D, y: tf.Tensor2D) => tf.Scalar

describe.runIf(findTensorflow()?.source === 'selfsup')('a compiled and an eager step', () => {
  beforeAll(async () => {
    await loadTensorflow()
    await tf.setBackend('tensorflow')
  })

  function owned(value: tf.Tensor): tf.Variable {
    const variable = tf.variable(value)
    value.dispose()
    return variable
  }

  /** The training step of a small network with momentum, and the variables to dispose. */
  function training(): { step: Step; variables: tf.Variable[] } {
    const weights = [
      tf.randomNormal([3, 3, 3, 8], 0, 0.3, 'float32', 1),
      tf.randomNormal([8, 5], 0, 0.3, 'float32', 2),
    ].map(owned)
    const slots = weights.map((weight) => owned(tf.zerosLike(weight)))
    const [filter, dense] = weights as [tf.Variable<tf.Rank.R4>, tf.Variable<tf.Rank.R2>]
    const step: Step = (x, y) => {
      const { value, grads } = tf.variableGrads(() => {
        const features = tf.mean(tf.relu(tf.conv2d(x, filter, 1, 'same')), [1, 2]) as tf.Tensor2D
        return tf.mean(tf.squaredDifference(tf.tanh(tf.matMul(features, dense)), y)) as tf.Scalar
      }, weights)
      for (const [i, weight] of weights.entries()) {
        slots[i]!.assign(tf.add(tf.mul(slots[i]!, 0.9), grads[weight.name]!))
        weight.assign(tf.sub(weight, tf.mul(slots[i]!, 0.1)))
      }
      return value
    }
    return { step, variables: [...weights, ...slots] }
  }

  async function losses(compiled: boolean): Promise<number[]> {
    const { step, variables } = training()
    const run = compiled ? compileStep(tf.backend() as TensorflowBackend, step) : step
    const seen: number[] = []
    for (let i = 0; i < 20; i++) {
      const [x, y] = [
        tf.randomNormal([4, 6, 6, 3], 0, 1, 'float32', i + 1) as tf.Tensor4D,
        tf.randomNormal([4, 5], 0, 1, 'float32', i + 1) as tf.Tensor2D,
      ]
      const loss = tf.tidy(() => run(x, y))
      seen.push((await loss.data())[0]!)
      tf.dispose([x, y, loss])
    }
    if ('dispose' in run) (run as { dispose(): void }).dispose()
    tf.dispose(variables)
    return seen
  }

  test('have the same losses over 20 steps and leak no tensors', async () => {
    const { numTensors } = tf.memory()
    const [compiled, plain] = [await losses(true), await losses(false)]
    expect(plain.at(-1)).toBeLessThan(1.5)
    for (const [i, loss] of compiled.entries()) {
      expect(Math.abs(loss / plain[i]! - 1)).toBeLessThan(1e-4)
    }
    expect(tf.memory().numTensors).toBe(numTensors)
  })
})
