import { type Method, trainableWeights, weightNames } from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { expect } from 'vitest'
import { stepOf } from './batches.js'

/** Steps of plain gradient descent in PyTorch, as tooling/fixtures/small_network.py writes them down. */
export interface WholeSteps {
  readonly rate: number
  /** pairs of views that the steps take by turns, each [batch, size, size, channels] */
  readonly views: readonly (readonly (readonly number[])[])[]
  readonly before: Readonly<Record<string, readonly number[]>>
  /** of each step, before its update */
  readonly losses: readonly number[]
  readonly after: Readonly<Record<string, readonly number[]>>
}

/** Differences that float32 makes from PyTorch's float64, relative to the larger of 1 and the value. */
const TOLERANCE = 1e-4

/** Trains a method with the weights and views of a fixture and expects its losses, weights and running statistics. */
export function expectWholeSteps(
  method: Method,
  { rate, views, before, losses, after }: WholeSteps,
  engine: Engine,
): void {
  const named = weightNames(method.networks)
  expect([...named.keys()].sort()).toEqual(Object.keys(before).sort())
  tf.tidy(() => {
    for (const [name, variable] of named) variable.assign(tf.tensor([...before[name]!], variable.shape))
  })
  const [, ...shape] = method.networks.backbone.inputs[0]!.shape as number[]
  const pairs = views.map((pair) => pair.map((view) => imagesOf(view, shape)))
  const weights = Object.values(trainableWeights(method.networks))
  const step = engine.compile((pair: tf.Tensor4D[]) => {
    const { value, grads } = tf.variableGrads(() => method.loss(pair, stepOf(), undefined!).loss, weights)
    for (const weight of weights) weight.assign(tf.sub(weight, tf.mul(grads[weight.name]!, rate)))
    return value
  })
  for (const [i, wanted] of losses.entries()) {
    const loss = step(pairs[i % pairs.length]!)
    expectNear(`loss of step ${i}`, loss.dataSync(), [wanted])
    loss.dispose()
  }
  for (const [name, variable] of named) expectNear(name, variable.dataSync(), after[name]!)
  step.dispose()
  tf.dispose(pairs)
}

function imagesOf(values: readonly number[], [height, width, channels]: readonly number[]): tf.Tensor4D {
  const batch = values.length / (height! * width! * channels!)
  return tf.tensor4d([...values], [batch, height!, width!, channels!])
}

function expectNear(what: string, got: ArrayLike<number>, wanted: readonly number[]): void {
  expect(got.length, what).toBe(wanted.length)
  for (const [i, value] of wanted.entries()) {
    const difference = Math.abs(got[i]! - value) / Math.max(1, Math.abs(value))
    expect(difference, `${what}, value ${i}: ${got[i]} in place of ${value}`).toBeLessThan(TOLERANCE)
  }
}
