import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import fixture from './fixtures/optimizers.json' with { type: 'json' }
import { adamw, biasesAndNorms, lars, type Optimizer, sgd } from './index.js'

type Shaped = { shape: number[]; values: number[] }
const start: Record<string, Shaped> = fixture.start
const make = { sgd, lars, adamw }
const nameOf = (optimizer: string) => optimizer as keyof typeof make

function initialVariables(): Record<string, tf.Variable> {
  return Object.fromEntries(
    Object.entries(start).map(([name, { values, shape }]) => [
      name,
      tf.tidy(() => tf.variable(tf.tensor(values, shape))),
    ]),
  )
}

function step(optimizer: Optimizer, gradients: Record<string, number[]>, rate: number) {
  tf.tidy(() => {
    const tensors: Record<string, tf.Tensor> = {}
    for (const name in gradients) tensors[name] = tf.tensor(gradients[name]!, start[name]!.shape)
    optimizer.apply(tensors, { learningRate: tf.scalar(rate) })
  })
}

const valuesOf = (variable: tf.Variable) => [...variable.dataSync()]

describe.each(await testEngines())('%s', (engine) => {
  beforeAll(() => prepareEngine({ engine }))

  test.each(fixture.cases)('$optimizer $options equals PyTorch', ({ optimizer, options, after }) => {
    const variables = initialVariables()
    const rule = make[nameOf(optimizer)](variables, options)
    for (const [i, expected] of after.entries()) {
      step(rule, fixture.gradients[i]!, fixture.rates[i]!)
      for (const [name, values] of Object.entries(expected)) {
        const got = valuesOf(variables[name]!)
        got.forEach((value, j) => {
          expect(Math.abs(value - values[j]!), `step ${i}, ${name}[${j}]`).toBeLessThan(1e-6)
        })
      }
    }
    rule.dispose()
    tf.dispose(variables)
  })

  test.each(['sgd', 'lars', 'adamw'])('%s leaks no tensors and frees all on dispose', (optimizer) => {
    const variables = initialVariables()
    const before = tf.memory().numTensors
    const rule = make[nameOf(optimizer)](variables)
    const standing = tf.memory().numTensors
    step(rule, fixture.gradients[0]!, 0.1)
    step(rule, fixture.gradients[1]!, 0.1)
    expect(tf.memory().numTensors).toBe(standing)
    rule.dispose()
    expect(tf.memory().numTensors).toBe(before)
    tf.dispose(variables)
  })

  test.each(['sgd', 'lars', 'adamw'])('%s resumes exactly from saved slots', (optimizer) => {
    const variables = initialVariables()
    const rule = make[nameOf(optimizer)](variables)
    step(rule, fixture.gradients[0]!, 0.1)

    const others = initialVariables()
    const resumed = make[nameOf(optimizer)](others)
    expect(Object.keys(resumed.slots)).toEqual(Object.keys(rule.slots))
    for (const name in rule.slots) resumed.slots[name]!.assign(tf.clone(rule.slots[name]!))
    for (const name in variables) others[name]!.assign(tf.clone(variables[name]!))

    step(rule, fixture.gradients[1]!, 0.1)
    step(resumed, fixture.gradients[1]!, 0.1)
    for (const name in variables) expect(valuesOf(others[name]!)).toEqual(valuesOf(variables[name]!))
    rule.dispose()
    resumed.dispose()
    tf.dispose([variables, others])
  })
})

test('a variable without a gradient does not change; a gradient without a variable is an error', async () => {
  await prepareEngine({ engine: 'cpu' })
  const variables = initialVariables()
  const rule = sgd(variables)
  step(rule, { bias: fixture.gradients[0]!.bias }, 0.1)
  expect(valuesOf(variables.kernel!)).toEqual(start.kernel!.values.map(Math.fround))
  expect(valuesOf(variables.bias!)).not.toEqual(start.bias!.values.map(Math.fround))
  const learningRate = tf.scalar(0.1)
  expect(() => rule.apply({ kernal: learningRate }, { learningRate })).toThrow("gradient for 'kernal'")
  expect(() => rule.apply({ kernel: learningRate }, { learningRate })).toThrow(
    "sgd: 'kernel': variable and gradient must have the same shape; got [3,4] and []",
  )
})

test('biasesAndNorms excludes biases from weight decay', async () => {
  await prepareEngine({ engine: 'cpu' })
  const variables = initialVariables()
  const rule = adamw(variables, { weightDecay: 0.5, exclude: biasesAndNorms })
  step(rule, { bias: [0, 0, 0, 0], kernel: Array(12).fill(0) }, 0.1)
  expect(valuesOf(variables.bias!)).toEqual(start.bias!.values.map(Math.fround))
  expect(valuesOf(variables.kernel!)[0]).toBeCloseTo(start.kernel!.values[0]! * 0.95, 6)
})

test.each([
  [() => sgd({}, { momentum: 1 }), 'sgd: momentum must be at least 0 and below 1; got 1'],
  [() => sgd({}, { weightDecay: -1 }), 'weightDecay must be at least 0; got -1'],
  [() => sgd({}, { nesterov: true, momentum: 0 }), 'nesterov needs a momentum'],
  [() => lars({}, { trustCoefficient: 0 }), 'trustCoefficient must be above 0'],
  [() => adamw({}, { beta2: 1 }), 'beta2 must be'],
  [() => adamw({}, { epsilon: 0 }), 'epsilon must be above 0'],
])('rejects options out of range', (wrong, message) => {
  expect(wrong).toThrow(message)
})
