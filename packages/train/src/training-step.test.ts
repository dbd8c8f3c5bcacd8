import type { Method, OptimizerSettings } from '@selfsup/core'
import { type Engine, prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { scalarMethod, valuesOf } from './fixtures/scalars.js'
import { trainingStep } from './index.js'

const plain: OptimizerSettings = { name: 'sgd', momentum: 0 }

/** Runs one step of a method for each list of phases, with a learning rate of 0.1 and a highest rate of 1. */
async function train(
  engine: Engine,
  method: Method,
  {
    settings = plain,
    steps = [undefined],
  }: { settings?: OptimizerSettings; steps?: (string[] | undefined)[] },
) {
  const step = trainingStep(method, settings, engine)
  const none = { labels: tf.zeros([2], 'int32'), indices: tf.zeros([2], 'int32') } as {
    labels: tf.Tensor1D
    indices: tf.Tensor1D
  }
  const read = []
  for (const [number, phases] of steps.entries()) {
    const inputs = {
      seed: tf.tensor1d([7, number], 'int32'),
      learningRate: tf.scalar(0.1),
      highestRate: tf.scalar(1),
      progress: tf.scalar(number / 10),
      epoch: tf.scalar(number),
    }
    const values = step.run(none, inputs, phases)
    read.push(await step.read(values, phases))
    tf.dispose([values, inputs])
  }
  const slots = valuesOf({ ...step.slots })
  step.dispose()
  tf.dispose(none)
  return { read, slots }
}

describe.each(testEngines())('%s', (name) => {
  let engine: Engine
  beforeAll(async () => {
    engine = await prepareEngine({ engine: name })
  })

  test('each phase trains its weights, and a weight of two phases has one optimiser state', async () => {
    const { method, parameters } = scalarMethod({
      parameters: { a: 0, b: 0, both: 0 },
      phases: { first: ['a', 'both'], second: ['b', 'both'] },
      loss: ({ a, b, both }, { phase }) => tf.add(both!, phase === 'first' ? a! : b!),
    })
    const { slots } = await train(engine, method, { settings: { name: 'sgd', momentum: 0.9 } })
    // both: buffer 1, then 0.9 + 1.
    expect(valuesOf(parameters)).toEqual({ a: [-0.1], b: [-0.1], both: [-0.29] })
    expect(slots).toEqual({
      'main:first/a/momentum': [1],
      'main:second/b/momentum': [1],
      'main:first+second/both/momentum': [1.9],
    })
    method.dispose()
  })

  test('a step runs the given phases, and Adam counts only the steps that trained a weight', async () => {
    const { method, parameters } = scalarMethod({
      parameters: { a: 0, b: 0 },
      phases: { critic: ['a'], generator: ['b'] },
      loss: ({ a, b }, { phase }) => tf.mul(phase === 'critic' ? a! : b!, 3),
    })
    const { slots } = await train(engine, method, {
      settings: { name: 'adamw' },
      steps: [['critic', 'critic', 'generator'], ['critic']],
    })
    // With a constant gradient, each step of Adam has the size of the learning rate.
    expect(valuesOf(parameters)).toEqual({ a: [-0.3], b: [-0.1] })
    expect(slots['main:critic/meanCorrection']).toEqual([0.271])
    expect(slots['main:generator/meanCorrection']).toEqual([0.1])
    method.dispose()
  })

  test('a repeated phase draws new random numbers, and its first run draws those of a single run', async () => {
    const after = async (phases: string[]) => {
      const { method, parameters } = scalarMethod({
        parameters: { w: 0 },
        phases: { draw: ['w'] },
        loss: ({ w }, _, { drawn }) => tf.mul(w!, drawn),
      })
      await train(engine, method, { steps: [phases] })
      const [w] = valuesOf(parameters).w!
      method.dispose()
      return -w! / 0.1
    }
    const once = await after(['draw'])
    const twice = (await after(['draw', 'draw'])) - once
    expect(once).toBeGreaterThan(0)
    expect(twice).toBeGreaterThan(0)
    expect(Math.abs(twice - once)).toBeGreaterThan(1e-3)
  })

  test('targets are constant for the loss and are passed to afterUpdate', async () => {
    const last = tf.variable(tf.scalar(0), false)
    const made = scalarMethod({
      parameters: { w: 3 },
      state: { last },
      targets: () => tf.mul(made.parameters.w!, 2),
      loss: ({ w }, _, __, targets) => tf.mul(w!, targets as tf.Scalar),
      afterUpdate: (_, __, targets) => last.assign(targets as tf.Scalar),
    })
    await train(engine, made.method, {})
    // The gradient of w * (2w) is 6 if 2w is constant, and 12 otherwise.
    expect(valuesOf({ ...made.parameters, last })).toEqual({ w: [2.4], last: [6] })
    made.method.dispose()
    last.dispose()
  })

  test('groups can have their own learning rates and optimiser settings', async () => {
    const { method, parameters } = scalarMethod({
      parameters: { plain: 0, frozen: 0, highest: 0, later: 0, doubled: 0, decayed: 2, own: 0 },
      groups: {
        frozen: { weights: ['frozen'], learningRate: ({ scheduled }) => tf.mul(scheduled, 0) as tf.Scalar },
        highest: { weights: ['highest'], learningRate: ({ highest }) => highest },
        later: {
          weights: ['later'],
          learningRate: ({ scheduled }, { epoch }) =>
            tf.mul(scheduled, tf.greaterEqual(epoch, 1)) as tf.Scalar,
        },
        doubled: {
          weights: ['doubled'],
          learningRate: ({ scheduled, optimizer }) =>
            optimizer === 'sgd' ? (tf.mul(scheduled, 2) as tf.Scalar) : scheduled,
        },
        decayed: { weights: ['decayed'], optimizer: { weightDecay: 0.5 } },
        own: { weights: ['own'], optimizer: { name: 'adamw', weightDecay: 0 } },
      },
      loss: (all) => tf.addN(Object.values(all)),
    })
    await train(engine, method, {})
    expect(valuesOf(parameters)).toEqual({
      plain: [-0.1],
      frozen: [0],
      highest: [-1],
      later: [0],
      doubled: [-0.2],
      decayed: [1.8],
      own: [-0.1],
    })
    await train(engine, method, { steps: [undefined, undefined] })
    expect(valuesOf(parameters)).toMatchObject({ frozen: [0], later: [-0.1] })
    method.dispose()
  })

  test('clips gradients to a norm over the whole group', async () => {
    const { method, parameters } = scalarMethod({
      parameters: { a: 0, b: 0 },
      loss: ({ a, b }) => tf.add(tf.mul(a!, 3), tf.mul(b!, 4)),
    })
    await train(engine, method, { settings: { ...plain, clipNorm: 1 } })
    expect(valuesOf(parameters)).toEqual({ a: [-0.06], b: [-0.08] })
    method.dispose()
  })

  test('by default, AdamW excludes biases from weight decay and SGD does not', async () => {
    const decayed = async (settings: OptimizerSettings) => {
      const { method, parameters } = scalarMethod({
        parameters: { kernel: [[1]], bias: [1] },
        loss: ({ kernel, bias }) => tf.mul(tf.add(tf.sum(kernel!), tf.sum(bias!)), 0),
      })
      await train(engine, method, { settings })
      const values = valuesOf(parameters)
      method.dispose()
      return values
    }
    const weightDecay = 0.5
    expect(await decayed({ name: 'adamw', weightDecay })).toEqual({ kernel: [0.95], bias: [1] })
    expect(await decayed({ name: 'adamw', weightDecay, exclude: 'nothing' })).toEqual({
      kernel: [0.95],
      bias: [0.95],
    })
    expect(await decayed({ ...plain, weightDecay })).toEqual({ kernel: [0.95], bias: [0.95] })
    expect(await decayed({ ...plain, weightDecay, exclude: 'biases-and-norms' })).toEqual({
      kernel: [0.95],
      bias: [1],
    })
  })

  test('with several phases, reports the sum of the losses, the lowest spread and the metrics of each phase', async () => {
    const features = {
      first: [
        [1, 0],
        [-1, 0],
      ],
      second: [
        [1, 1],
        [1, 1],
      ],
    } // prettier-ignore
    const { method } = scalarMethod({
      parameters: { w: 1 },
      phases: { first: ['w'], second: ['w'] },
      loss: ({ w }, { phase, epoch }) => ({
        loss: tf.mul(w!, phase === 'first' ? 1 : 2) as tf.Scalar,
        metrics: { epoch2: tf.mul(epoch, 2) as tf.Scalar },
        features: tf.tensor2d(features[phase as 'first']),
      }),
    })
    const { read } = await train(engine, method, { steps: [['first', 'first', 'second'], ['first']] })
    // w is 1, 0.9 and 0.8 for the three losses of the first step, and 0.6 in the second step.
    expect(read[0]!.loss).toBeCloseTo(0.95 + 1.6, 5)
    expect(read[0]!.spread).toBe(0)
    expect(read[0]!.metrics['second/loss']).toBeCloseTo(1.6, 5)
    expect(read[0]!.metrics).toMatchObject({ 'first/epoch2': 0, 'second/epoch2': 0 })
    expect(read[1]!.loss).toBeCloseTo(0.6, 5)
    expect(read[1]!.spread).toBeCloseTo(Math.SQRT1_2, 5)
    expect(read[1]!.metrics).toEqual({ 'first/loss': read[1]!.loss, 'first/epoch2': 2 })
    method.dispose()
  })

  test('leaks no tensors', async () => {
    const { method } = scalarMethod({
      parameters: { a: 0, b: 0 },
      phases: { first: ['a'], second: ['b'] },
      groups: { b: { weights: ['b'], optimizer: { name: 'lars', clipNorm: 1 } } },
      targets: () => tf.scalar(1),
      loss: ({ a, b }, { phase }) => tf.square(phase === 'first' ? a! : b!),
    })
    const before = tf.memory().numTensors
    await train(engine, method, { steps: [undefined, ['first'], ['second', 'second']] })
    expect(tf.memory().numTensors).toBe(before)
    method.dispose()
  })
})

describe('rejects before the first step', () => {
  let engine: Engine
  beforeAll(async () => {
    engine = await prepareEngine({ engine: 'cpu' })
  })
  const loss = () => tf.scalar(0)
  const fixed = { weights: ['a'] }

  test.each([
    [{ phases: { first: ['a'] } }, 'scalars: no phase trains b; add them to a phase, or freeze their layers'],
    [
      { phases: { first: ['a', 'c'] } },
      "scalars: phase 'first' names 'c', which has no trainable weights; available: a, b",
    ],
    [
      { groups: { x: { weights: ['backbone'] } } },
      "scalars: group 'x' names 'backbone', which has no trainable weights",
    ],
    [
      { groups: { x: fixed, y: fixed } },
      "scalars: 'a' is in the groups 'x' and 'y'; a weight can belong to only one group",
    ],
    [{ groups: { main: fixed } }, "the group name 'main' is reserved for weights outside all other groups"],
  ])('%j', (wrong, message) => {
    const { method } = scalarMethod({ parameters: { a: 0, b: 0 }, loss, ...wrong })
    expect(() => trainingStep(method, plain, engine)).toThrow(message)
    method.dispose()
  })

  test('parameters that cannot be trained, and settings out of range', () => {
    const { method } = scalarMethod({ parameters: {}, loss })
    expect(() => trainingStep(method, plain, engine)).toThrow('have no trainable weights')
    const held = tf.variable(tf.scalar(0), false)
    expect(() => trainingStep({ ...method, parameters: { held } }, plain, engine)).toThrow(
      "parameter 'held' must be a trainable float32 variable; put variables without a gradient into 'state'",
    )
    expect(() => trainingStep({ ...method, parameters: { backbone: held } }, plain, engine)).toThrow(
      "'backbone' is the name of both a network and a parameter",
    )
    const { method: other } = scalarMethod({ parameters: { a: 0 }, loss })
    expect(() => trainingStep(other, { ...plain, clipNorm: 0 }, engine)).toThrow(
      'sgd: clipNorm must be above 0; got 0',
    )
    held.dispose()
    method.dispose()
    other.dispose()
  })

  test('unknown phases and metrics with reserved names', async () => {
    const { method } = scalarMethod({ parameters: { a: 0 }, loss: ({ a }) => a! })
    await expect(train(engine, method, { steps: [['second']] })).rejects.toThrow(
      "scalars: unknown phase 'second'; available: main",
    )
    await expect(train(engine, method, { steps: [[]] })).rejects.toThrow(
      'a step must run at least one phase of main',
    )
    const named = scalarMethod({
      parameters: { a: 0 },
      loss: ({ a }) => ({ loss: a as tf.Scalar, metrics: { spread: a as tf.Scalar } }),
    })
    await expect(train(engine, named.method, {})).rejects.toThrow(
      "scalars: a metric must not be named 'spread', which the training loop uses; choose another name",
    )
  })
})
