import { uniforms } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { prepareEngine } from '../../../tooling/vitest/engines.js'
import { missingWebgpu } from '../../../tooling/vitest/webgpu.js'
import {
  adamw,
  clipGradients,
  exponentialMovingAverage,
  lars,
  type Optimizer,
  sgd,
  type Variables,
} from './index.js'

const missing = await missingWebgpu()

const noise = (shape: number[], stream: number) =>
  tf.tensor(
    uniforms([8, stream], tf.util.sizeFromShape(shape)).map((value) => value - 0.5),
    shape,
  )

const optimizers: Record<string, (variables: Variables) => Optimizer> = {
  'sgd with momentum and weight decay': (v) => sgd(v, { momentum: 0.9, weightDecay: 0.01 }),
  'sgd with nesterov': (v) => sgd(v, { momentum: 0.9, nesterov: true }),
  'sgd without momentum': (v) => sgd(v, { momentum: 0 }),
  adamw: (v) => adamw(v),
  // Its excluded variables include one; another has weights of zero, for which the ratio is not defined.
  lars: (v) => {
    v.v3!.assign(tf.zerosLike(v.v3!))
    return lars(v, { weightDecay: 0.01, trustCoefficient: 0.5, exclude: (name) => name === 'v2' })
  },
  'lars with nesterov': (v) => lars(v, { nesterov: true, exclude: () => false }),
  'lars of excluded variables only': (v) => lars(v, { momentum: 0, exclude: () => true }),
}

/** Trains nine variables for three steps, more than one pass can bind; their values, slots and a copy made before. */
function train(make: (variables: Variables) => Optimizer): number[] {
  return tf.tidy(() => {
    const variables = Object.fromEntries(
      Array.from({ length: 9 }, (_, i) => [`v${i}`, tf.variable(noise(i % 2 ? [7, 3] : [257], i))]),
    )
    const optimizer = make(variables)
    const copy = tf.clone(variables.v0!) // shares the variable's values and must not change
    for (let step = 0; step < 3; step++) {
      variables.v1!.dataSync() // a copy on the host must not be read again later
      const gradients = Object.fromEntries(
        Object.entries(variables).map(([name, { shape }], i) => [name, noise(shape, 20 + 10 * step + i)]),
      )
      optimizer.apply(gradients, { learningRate: tf.scalar(0.1) })
    }
    const all = [...Object.values(variables), copy, ...Object.values(optimizer.slots)]
    const values = all.flatMap((tensor) => [...tensor.dataSync()])
    optimizer.dispose()
    tf.dispose(Object.values(variables))
    return values
  })
}

describe.skipIf(missing)(missing ?? 'updates on WebGPU', () => {
  const expected = new Map<string, number[]>()
  beforeAll(async () => {
    await prepareEngine({ engine: 'cpu' })
    for (const [name, make] of Object.entries(optimizers)) expected.set(name, train(make))
    await prepareEngine({ engine: 'webgpu' })
  })

  test.each(Object.keys(optimizers))('%s: as in plain JavaScript, in place, without leaks', (name) => {
    const before = tf.memory().numTensors
    const got = train(optimizers[name]!)
    expect(tf.memory().numTensors).toBe(before)
    const wanted = expected.get(name)!
    expect(got.length).toBe(wanted.length)
    for (const [i, value] of wanted.entries()) expect(Math.abs(got[i]! - value)).toBeLessThan(2e-6)
  })

  test('a reading that began before an update does not bring old values back', async () => {
    const w = tf.variable(tf.fill([300], 2))
    const optimizer = sgd({ w }, { momentum: 0 })
    const update = () =>
      tf.tidy(() => optimizer.apply({ w: tf.ones([300]) }, { learningRate: tf.scalar(0.5) }))
    update()
    const reading = w.data() // the values are on the device only
    update()
    expect((await reading)[299]).toBe(1.5)
    expect((await w.data())[299]).toBe(1)
    optimizer.dispose()
    w.dispose()
  })

  test('gradients are clipped by their joint length', () => {
    tf.tidy(() => {
      const gradients = Object.fromEntries(
        Array.from({ length: 12 }, (_, i) => [`g${i}`, tf.fill([i === 4 ? 2500 : 3], i)]),
      )
      const square = Object.values(gradients).reduce((sum, { size }, i) => sum + size * i * i, 0)
      const clipped = clipGradients(gradients, 2)
      for (const [i, gradient] of Object.values(clipped).entries())
        expect(gradient.dataSync()[2]).toBeCloseTo((2 * i) / Math.sqrt(square), 6)
    })
  })

  test('averages move by 1 - momentum', () => {
    tf.tidy(() => {
      const averages = { a: tf.variable(tf.fill([300], 2)), b: tf.variable(tf.tensor1d([1])) }
      exponentialMovingAverage(averages, { a: tf.fill([300], 4), b: tf.tensor1d([3]) }, tf.scalar(0.75))
      expect(new Set(averages.a.dataSync())).toEqual(new Set([2.5]))
      expect(averages.b.dataSync()[0]).toBe(1.5)
      tf.dispose(averages)
    })
  })
})
