import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-layers' // registers the gradients
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import * as losses from './index.js'

type M = tf.Tensor2D
const wave = (rows: number, features: number, phase: number): M =>
  tf.tensor2d(
    Array.from({ length: rows * features }, (_, i) => Math.sin(i * 12.9898 + phase)),
    [rows, features],
  )
const number = (loss: tf.Scalar) => {
  const [value] = loss.dataSync()
  loss.dispose()
  return value!
}

const labels = (rows: number) =>
  tf.tensor1d(
    Array.from({ length: rows }, (_, i) => [0, 1, 0, 2, 1, 0, 1, 2][i % 8]!),
    'int32',
  )
/** Losses of two matrices of 8 rows, which are permuted together. */
const onTwo: Record<string, (a: M, b: M, order?: number[]) => tf.Scalar> = {
  ntXent: (a, b) => losses.ntXent(a, b),
  'ntXent, low temperature': (a, b) => losses.ntXent(a, b, { temperature: 0.02 }),
  infoNce: (a, b) => losses.infoNce(a, b, { temperature: 0.5 }),
  'infoNce, products': (a, b) => losses.infoNce(a, b, { temperature: 0.5, normalise: false }),
  'infoNce, queue': (a, b) => losses.infoNce(a, b, { temperature: 0.5, negatives: wave(11, 5, 9) }),
  nPair: (a, b) => losses.nPair(a, b, { regularisation: 0.02 }),
  barlowTwins: (a, b) => losses.barlowTwins(a, b),
  vicReg: (a, b) => losses.vicReg(a, b),
  byolRegression: (a, b) => losses.byolRegression(a, b),
  iic: (a, b) => losses.iic(tf.softmax(a), tf.softmax(b), { lambda: 1.5 }),
  triplet: (a, b) => losses.triplet(a, b, tf.reverse(b, 1), { softMargin: true }),
}
/** Losses of a labelled matrix of 8 rows. */
const onLabels: Record<string, (z: M, labels: tf.Tensor1D) => tf.Scalar> = {
  labelledContrastive: (z, y) => losses.labelledContrastive(z, y, { margin: 2 }),
  'labelledTriplet, all': (z, y) => losses.labelledTriplet(z, y, { mining: 'all', reduction: 'mean' }),
  'labelledTriplet, soft': (z, y) => losses.labelledTriplet(z, y, { mining: 'all', softMargin: true }),
  'labelledTriplet, hard': (z, y) => losses.labelledTriplet(z, y, { squared: false }),
  supCon: (z, y) => losses.supCon(z, y),
  liftedStructured: (z, y) => losses.liftedStructured(z, y),
  generalisedLiftedStructured: (z, y) => losses.generalisedLiftedStructured(z, y),
  'nPair, labelled': (z, y) => losses.nPair(z, tf.reverse(z, 1), { labels: y }),
}
const everyLoss = [
  ...Object.entries(onTwo),
  ...Object.entries(onLabels).map(
    ([name, loss]) =>
      [
        name,
        (a: M, _: M, order?: number[]) => {
          const y = labels(a.shape[0])
          return loss(a, order ? tf.gather(y, order) : y)
        },
      ] as const,
  ),
]

describe.each(testEngines())('on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })

  describe.each(everyLoss)('%s', (name, loss) => {
    test('the gradient equals finite differences', () => {
      tf.tidy(() => {
        const [a, b] = [wave(8, 5, 1), wave(8, 5, 4)]
        const gradient = tf.grad((a: tf.Tensor) => loss(a as M, b))(a)
        const step = 1e-2
        for (const phase of [2, 7]) {
          const direction = wave(8, 5, phase)
          const along = tf.sum(tf.mul(gradient, direction)).dataSync()[0]!
          const at = (sign: number) => number(loss(tf.add(a, tf.mul(direction, sign * step)) as M, b))
          const difference = (at(1) - at(-1)) / (2 * step)
          expect(Math.abs(along - difference)).toBeLessThan(0.02 * Math.abs(difference) + 2e-3)
        }
      })
    })

    test('does not depend on the order of the batch', () => {
      tf.tidy(() => {
        const order = [3, 7, 0, 5, 1, 6, 2, 4]
        const [a, b] = [wave(8, 5, 1), wave(8, 5, 4)]
        const permuted = number(loss(tf.gather(a, order), tf.gather(b, order), order))
        const original = number(loss(a, b))
        expect(Math.abs(permuted - original)).toBeLessThan(2e-5 * Math.abs(original))
      })
    })

    // A captured step does not accept constants of 520 x 520 numbers from the host.
    test.runIf(engine === 'tensorflow')(
      'can be captured with its gradient and gives the same values',
      async () => {
        const { compile } = await prepareEngine({ engine })
        const both = (a: tf.Tensor, b: tf.Tensor) =>
          tf.valueAndGrad((a: tf.Tensor) => loss(a as M, b as M))(a)
        const step = compile(both)
        // Random numbers, because rows of a wave are nearly tied and rounding would decide which one is the hardest.
        // 520 rows have 140 million triplets.
        const batch = /labelledTriplet, (all|soft)/.test(name) ? 104 : 520
        const [a, b] = [3, 4].map((seed) => tf.randomNormal([batch, 5], 0, 1, 'float32', seed)) as [M, M]
        const [captured, plain] = [step(a, b), tf.tidy(() => both(a, b))]
        expect(step.captures).toBe(1)
        const off = (x: tf.Tensor, y: tf.Tensor) =>
          tf.tidy(() => tf.div(tf.max(tf.abs(tf.sub(x, y))), tf.max(tf.abs(y))).dataSync()[0]!)
        expect(off(captured.value, plain.value)).toBeLessThan(1e-5)
        expect(off(captured.grad, plain.grad)).toBeLessThan(1e-3)
        step.dispose()
        tf.dispose([a, b, captured, plain])
      },
    )

    test('leaks no tensors: only the result remains', () => {
      const [a, b] = [wave(8, 5, 1), wave(8, 5, 4)]
      // The tidy disposes tensors that the table above creates: a queue, labels or a reversed copy.
      const before = tf.memory().numTensors
      const kept = tf.tidy(() => loss(a, b))
      expect(tf.memory().numTensors).toBe(before + 1)
      expect(Number.isFinite(number(kept))).toBe(true)
      tf.dispose([a, b])
    })
  })

  test('zero and equal embeddings give finite losses and gradients', () => {
    tf.tidy(() => {
      for (const [name, loss] of everyLoss) {
        for (const a of [tf.zeros([8, 5]), tf.ones([8, 5])]) {
          const gradients = tf.valueAndGrad((a: tf.Tensor) => loss(a as M, a as M))(a)
          const finite = tf.all(
            tf.isFinite(tf.concat([tf.reshape(gradients.grad, [-1]), tf.reshape(gradients.value, [1])])),
          )
          expect([name, finite.dataSync()[0]]).toEqual([name, 1])
        }
      }
    })
  })
})
