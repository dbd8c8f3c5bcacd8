import { ShapeError } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-layers' // registers the gradients
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import * as losses from './index.js'

type M = tf.Tensor2D
type Rows = readonly (readonly number[])[]
const matrix = (rows: Rows) => tf.tensor2d(rows.map((row) => [...row]))
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

describe.each(testEngines())('on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })

  test.each([
    // Two orthogonal pairs: each view has e^(1/t) for its pair and 1 for each of the two others.
    [
      'ntXent',
      () =>
        losses.ntXent(
          matrix([
            [2, 0],
            [0, 3],
          ]),
          matrix([
            [1, 0],
            [0, 1],
          ]),
        ),
      Math.log(1 + 2 * Math.exp(-2)),
    ],
    ['ntXent of one pair', () => losses.ntXent(matrix([[2, 1]]), matrix([[1, 0]])), 0],
    [
      'infoNce',
      () =>
        losses.infoNce(
          matrix([
            [1, 0],
            [0, 1],
          ]),
          matrix([
            [1, 0],
            [0, 1],
          ]),
          { temperature: 1 },
        ),
      Math.log(1 + Math.exp(-1)),
    ],
    [
      'infoNce with a queue',
      () =>
        losses.infoNce(matrix([[1, 0]]), matrix([[1, 0]]), {
          temperature: 1,
          negatives: matrix([
            [0, 1],
            [-1, 0],
          ]),
        }),
      Math.log(1 + Math.exp(-1) + Math.exp(-2)),
    ],
    [
      'infoNce with own negatives',
      () =>
        losses.infoNce(matrix([[1, 0]]), matrix([[1, 0]]), {
          temperature: 1,
          negatives: tf.tensor3d([0, 1, -1, 0], [1, 2, 2]),
        }),
      Math.log(1 + Math.exp(-1) + Math.exp(-2)),
    ],
    [
      'contrastive',
      () =>
        losses.contrastive(
          matrix([
            [0, 0],
            [0, 0],
          ]),
          matrix([
            [3, 4],
            [0, 0.5],
          ]),
          tf.tensor1d([1, 0]),
        ),
      (12.5 + 0.125) / 2,
    ],
    // Distances 1, 2 and 1 on a line; the positive pair is the one with distance 2.
    [
      'labelledContrastive',
      () => losses.labelledContrastive(matrix([[0], [1], [2]]), tf.tensor1d([0, 1, 0])),
      2 / 3,
    ],
    [
      'triplet',
      () => losses.triplet(matrix([[1, 0]]), matrix([[0, 1]]), matrix([[-1, 0]]), { margin: 3 }),
      2 - 4 + 3,
    ],
    [
      'labelledTriplet',
      () =>
        losses.labelledTriplet(matrix([[0], [2], [3], [9]]), tf.tensor1d([0, 0, 1, 2]), {
          squared: false,
          normalise: false,
          margin: 1,
        }),
      (0 + 2) / 2,
    ],
    [
      'labelledTriplet, all',
      () =>
        losses.labelledTriplet(matrix([[0], [2], [3]]), tf.tensor1d([0, 0, 1]), {
          squared: false,
          normalise: false,
          margin: 1,
          mining: 'all',
          reduction: 'mean',
        }),
      1,
    ],
    [
      'nPair',
      () =>
        losses.nPair(
          matrix([
            [1, 0],
            [0, 1],
          ]),
          matrix([
            [1, 0],
            [0, 1],
          ]),
        ),
      Math.log(1 + Math.exp(-1)),
    ],
    [
      'nPair of one class',
      () =>
        losses.nPair(
          matrix([
            [1, 0],
            [0, 1],
          ]),
          matrix([
            [1, 0],
            [0, 1],
          ]),
          { labels: tf.tensor1d([4, 4]) },
        ),
      Math.log(1 + Math.E) - 0.5,
    ],
    [
      'liftedStructured',
      () => losses.liftedStructured(matrix([[0], [1], [2]]), tf.tensor1d([0, 1, 0])),
      (Math.log(2) + 2) ** 2 / 2,
    ],
    [
      'liftedStructured of one class',
      () => losses.liftedStructured(matrix([[0], [1]]), tf.tensor1d([1, 1])),
      0,
    ],
    [
      'barlowTwins',
      () =>
        losses.barlowTwins(
          matrix([
            [1, 1],
            [-1, -1],
          ]),
          matrix([
            [1, 1],
            [-1, -1],
          ]),
        ),
      0.01,
    ],
    [
      'vicReg',
      () =>
        losses.vicReg(
          matrix([
            [0, 0],
            [0, 0],
          ]),
          matrix([
            [2, 0],
            [2, 0],
          ]),
        ),
      25 * 2 + 25 * 0.99,
    ],
    ['byolRegression', () => losses.byolRegression(matrix([[0, 2]]), matrix([[3, 0]])), 2],
    // Two clusters that always agree: one bit.
    [
      'iic',
      () =>
        losses.iic(
          matrix([
            [1, 0],
            [0, 1],
          ]),
          matrix([
            [1, 0],
            [0, 1],
          ]),
        ),
      -Math.log(2),
    ],
    // Of ten pairs, four are both in cluster 0, four both in 1 and two in 0 and 1: the joint is [[.4, .1], [.1, .4]].
    [
      'iic of a known joint',
      () => {
        const one = (clusters: readonly number[]) => tf.oneHot(tf.tensor1d([...clusters], 'int32'), 2)
        const views = [
          [0, 0, 0, 0, 0, 0, 1, 1, 1, 1],
          [0, 0, 0, 0, 1, 1, 1, 1, 1, 1],
        ].map((clusters) => tf.cast(one(clusters), 'float32') as M)
        return losses.iic(views[0]!, views[1]!)
      },
      -(0.8 * Math.log(0.4 / 0.25) + 0.2 * Math.log(0.1 / 0.25)),
    ],
    [
      'iic of heads is iic of each',
      () => {
        const [a, b] = [wave(12, 6, 1), wave(12, 6, 2)].map((x) =>
          tf.softmax(tf.reshape(x, [12, 2, 3]) as tf.Tensor3D),
        ) as [tf.Tensor3D, tf.Tensor3D]
        const each = tf.unstack(a, 1).map((p, head) => losses.iic(p as M, tf.unstack(b, 1)[head] as M))
        return tf.max(tf.abs(tf.sub(losses.iicOfHeads(a, b), tf.stack(each)))) as tf.Scalar
      },
      0,
    ],
    [
      'iic, lambda',
      () =>
        losses.iic(
          matrix([
            [1, 0],
            [0, 1],
          ]),
          matrix([
            [1, 0],
            [0, 1],
          ]),
          { lambda: 2 },
        ),
      -3 * Math.log(2),
    ],
    [
      'supCon of pairs is ntXent',
      () =>
        losses.supCon(tf.concat([wave(4, 3, 1), wave(4, 3, 2)]) as M, tf.tensor1d([0, 1, 2, 3, 0, 1, 2, 3])),
      () => losses.ntXent(wave(4, 3, 1), wave(4, 3, 2), { temperature: 0.1 }),
    ],
  ] as const)('%s equals a value worked out by hand', (_, loss, wanted) => {
    tf.tidy(() => {
      expect(number(loss())).toBeCloseTo(typeof wanted === 'number' ? wanted : number(wanted()), 5)
    })
  })

  test('rows without a label are in no pair', () => {
    tf.tidy(() => {
      const z = wave(8, 5, 1)
      const some = tf.tensor1d([0, 1, 0, -1, 1, 0, 1, -1], 'int32')
      const [kept, keptLabels] = [tf.gather(z, [0, 1, 2, 4, 5, 6]), tf.gather(some, [0, 1, 2, 4, 5, 6])]
      for (const loss of [losses.labelledContrastive, losses.labelledTriplet, losses.liftedStructured]) {
        expect(number(loss(z, some))).toBeCloseTo(number(loss(kept as M, keptLabels as tf.Tensor1D)), 4)
      }
    })
  })

  test('rejects invalid shapes and options', () => {
    tf.tidy(() => {
      const [a, b, one] = [wave(4, 3, 1), wave(3, 3, 1), wave(1, 3, 1)]
      const vector = tf.tensor1d([1, 2, 3])
      const refusals: [() => tf.Scalar, string][] = [
        [() => losses.ntXent(a, b), 'ntXent: z1 and z2 must have the same shape; got [4,3] and [3,3]'],
        [() => losses.infoNce(a, b), 'infoNce: queries and keys must have the same shape'],
        [() => losses.infoNce(one, one), 'infoNce: queries must have at least 2 rows; got [1,3]'],
        [
          () => losses.infoNce(a, a, { negatives: wave(6, 2, 0) }),
          'negatives must be [negatives, 3] or [4, negatives, 3]',
        ],
        [() => losses.nPair(a, b), 'nPair: anchors and positives must have the same shape'],
        [() => losses.barlowTwins(one, one), 'barlowTwins: z1 must have at least 2 rows; got [1,3]'],
        [() => losses.vicReg(one, one), 'vicReg: z1 must have at least 2 rows'],
        [
          () => losses.byolRegression(a, b),
          'byolRegression: predictions and targets must have the same shape',
        ],
        [() => losses.iic(a, b), 'iic: p1 and p2 must have the same shape'],
        [() => losses.contrastive(a, a, vector), 'contrastive: same must be [4], one for each pair; got [3]'],
        [() => losses.triplet(a, a, b), 'triplet: anchor and positive and negative must have the same shape'],
        [() => losses.labelledTriplet(a, vector), 'labels must be [4], one for each row of z [4,3]; got [3]'],
        [
          () => losses.liftedStructured(vector as unknown as M, vector),
          'liftedStructured: z must be [batch, features]; got [3]',
        ],
        [() => losses.supCon(a, vector), 'supCon: labels must be [4]'],
      ]
      for (const [call, message] of refusals) {
        expect(call).toThrow(message)
        expect(call).toThrow(ShapeError)
      }
      expect(() => losses.ntXent(a, a, { temperature: 0 })).toThrow(
        'ntXent: temperature must be above 0; got 0',
      )
      expect(() => losses.triplet(a, a, a, { margin: -1 })).toThrow(
        'triplet: margin must not be negative; got -1',
      )
    })
  })
})
