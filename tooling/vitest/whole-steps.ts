import { type Method, type Step, trainableWeights, weightNames } from '@selfsup/core'
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
  /** the method's state before the first step and after the last, by name: momentum networks, running covariances */
  readonly stateBefore?: Readonly<Record<string, readonly number[]>>
  readonly stateAfter?: Readonly<Record<string, readonly number[]>>
}

/** Differences that float32 makes from PyTorch's float64, relative to the larger of 1 and the value. */
const TOLERANCE = 1e-4

/**
 * Trains a method with the weights and views of a fixture, with its targets and updates of its state, and expects the
 * fixture's losses, weights, running statistics and state. The progress of step k of n is k / n.
 */
export function expectWholeSteps(
  method: Method,
  { rate, views, before, losses, after, stateBefore = {}, stateAfter = {} }: WholeSteps,
  engine: Engine,
): void {
  const named = weightNames(method.networks)
  expect([...named.keys()].sort()).toEqual(Object.keys(before).sort())
  const state = new Map(Object.entries(method.state))
  tf.tidy(() => {
    const assign = (variables: ReadonlyMap<string, tf.Variable>, values: WholeSteps['before']) => {
      for (const [name, given] of Object.entries(values)) {
        const variable = variables.get(name)!
        variable.assign(tf.tensor([...given], variable.shape))
      }
    }
    assign(named, before)
    assign(state, stateBefore)
  })
  const [, ...shape] = method.networks.backbone.inputs[0]!.shape as number[]
  const pairs = views.map((pair) => pair.map((view) => imagesOf(view, shape)))
  const weights = Object.values(trainableWeights(method.networks))
  const step = engine.compile((pair: tf.Tensor4D[], at: Step) => {
    const targets = method.targets?.(pair, at)
    const { value, grads } = tf.variableGrads(() => method.loss(pair, at, targets!).loss, weights)
    for (const weight of weights) weight.assign(tf.sub(weight, tf.mul(grads[weight.name]!, rate)))
    method.afterUpdate?.(pair, at, targets!)
    return value
  })
  for (const [i, wanted] of losses.entries()) {
    const at = stepOf('main', { progress: i / losses.length })
    const loss = step(pairs[i % pairs.length]!, at)
    expectNear(`loss of step ${i}`, loss.dataSync(), [wanted])
    tf.dispose([loss, at.seed, at.progress, at.epoch])
  }
  for (const [name, variable] of named) expectNear(name, variable.dataSync(), after[name]!)
  for (const [name, values] of Object.entries(stateAfter))
    expectNear(`state ${name}`, state.get(name)!.dataSync(), values)
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
