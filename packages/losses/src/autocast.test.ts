import { type Engine, prepareEngine } from '@selfsup/engine'
import { findTensorflow } from '@selfsup/tensorflow'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-layers' // registers the gradients
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import fixture from './fixtures/autocast.json' with { type: 'json' }
import * as losses from './index.js'

type M = tf.Tensor2D
type Options = Record<string, unknown>
type TwoViewLoss = (z1: M, z2: M, options: Options) => tf.Scalar

/** Relative error of one rounding to bfloat16. */
const HALF_ULP = 2 ** -9
const CLUSTERS = 10
const CLASSES = Math.max(...fixture.labels) + 1

const matrix = ({ shape, values }: { shape: number[]; values: number[] }) =>
  tf.tensor2d(values, shape as [number, number])

/** The second view of another image of the same class. */
const ofOtherImage = (z: M) => tf.concat([tf.slice(z, CLASSES), tf.slice(z, 0, CLASSES)]) as M
const labels = () => tf.tensor1d(fixture.labels, 'int32')
const bothViews = () => tf.tensor1d([...fixture.labels, ...fixture.labels], 'int32')
const clusters = (z: M) => tf.softmax(tf.mul(tf.slice(z, [0, 0], [-1, CLUSTERS]), 3)) as M

/** Losses of two views by their names in the fixture. Losses with labels use both views as one batch. */
const twoViewLosses: Record<string, TwoViewLoss> = {
  ntXent: losses.ntXent,
  infoNce: losses.infoNce,
  'infoNce queue': (q, k, options) => losses.infoNce(q, k, { ...options, negatives: matrix(fixture.queue) }),
  'infoNce several': (q, k, options) => {
    const negatives = tf.reshape(matrix(fixture.queue), [q.shape[0], -1, q.shape[1]]) as tf.Tensor3D
    return losses.infoNce(q, k, { ...options, negatives })
  },
  barlowTwins: losses.barlowTwins,
  vicReg: losses.vicReg,
  byolRegression: losses.byolRegression,
  iic: (z1, z2, options) => losses.iic(clusters(z1), clusters(z2), options),
  contrastive: (z1, z2, options) => {
    const same = tf.concat([tf.ones([z1.shape[0]]), tf.zeros([z1.shape[0]])]) as tf.Tensor1D
    return losses.contrastive(tf.concat([z1, z1]), tf.concat([z2, ofOtherImage(z2)]), same, options)
  },
  triplet: (z1, z2, options) => losses.triplet(z1, z2, ofOtherImage(z2), options),
  nPair: losses.nPair,
  'nPair labels': (z1, z2, options) => losses.nPair(z1, z2, { ...options, labels: labels() }),
  ...Object.fromEntries(
    Object.entries({
      supCon: losses.supCon,
      labelledContrastive: losses.labelledContrastive,
      labelledTriplet: losses.labelledTriplet,
      liftedStructured: losses.liftedStructured,
      generalisedLiftedStructured: losses.generalisedLiftedStructured,
    }).map(([name, loss]): [string, TwoViewLoss] => [
      name,
      (z1, z2, options) => loss(tf.concat([z1, z2]), bothViews(), options),
    ]),
  ),
}

const norm = (x: ArrayLike<number>) => Math.hypot(...Array.from(x))
const relativeError = (got: ArrayLike<number>, wanted: ArrayLike<number>) =>
  norm(Array.from(wanted, (value, i) => value - got[i]!)) / norm(wanted)

// The fixture was created by fixtures/make_autocast.py with torch.autocast around network and loss, and around the network.
describe.skipIf(findTensorflow()?.source !== 'selfsup')('in mixed precision, as accurate as autocast', () => {
  let engine: Engine
  let weights: tf.Variable[]

  beforeAll(async () => {
    engine = await prepareEngine({ engine: 'tensorflow', mixedPrecision: 'on' })
    weights = [fixture.w1, fixture.w2].map((values) => tf.tidy(() => tf.variable(matrix(values))))
  })

  afterAll(() => tf.dispose(weights))

  /** Loss and gradients of the weights, eager (float32) or as a compiled step (mixed precision). */
  function run({ name, options, inputs, rows }: (typeof fixture.cases)[number], compiled: boolean) {
    const [x1, x2] = fixture.views[inputs as keyof typeof fixture.views].map((view) =>
      tf.tidy(() => tf.slice(matrix(view!), 0, rows)),
    ) as [M, M]
    const network = (x: M, w1: tf.Tensor, w2: tf.Tensor) => tf.matMul(tf.relu(tf.matMul(x, w1)), w2) as M
    const gradients = tf.valueAndGrads((w1, w2) =>
      twoViewLosses[name]!(network(x1, w1!, w2!), network(x2, w1!, w2!), options),
    )
    const step = engine.compile(
      () => {
        const { value, grads } = gradients(weights)
        return { value, grads }
      },
      { eager: !compiled },
    )
    const { value, grads } = step()
    const result = { loss: value.dataSync()[0]!, gradients: grads.map((gradient) => gradient.dataSync()) }
    step.dispose()
    tf.dispose([value, grads, x1, x2])
    return result
  }

  test('the engine computes in mixed precision', () => {
    expect(engine.precision).toBe('mixed-bfloat16')
  })

  const titled = fixture.cases.map((each) => {
    const data = each.inputs === 'shared' ? '' : ` on ${each.inputs} views`
    const rows = each.rows === fixture.labels.length ? '' : ` of ${each.rows} rows`
    return [`${each.name}${rows}${data} ${JSON.stringify(each.options)}`, each] as const
  })

  test.each(titled)('%s', (_, each) => {
    const before = tf.memory().numTensors
    const [exact, mixed] = [run(each, false), run(each, true)]
    expect(tf.memory().numTensors).toBe(before)

    expect(Math.abs(exact.loss - each.loss) / Math.abs(each.loss)).toBeLessThan(1e-4)
    expect(Math.abs(mixed.loss - exact.loss)).toBeLessThan(Math.max(0.005 * Math.abs(exact.loss), 1e-4))
    each.norms.forEach((wanted, i) => {
      expect(Math.abs(norm(exact.gradients[i]!) - wanted) / wanted).toBeLessThan(1e-3)
      const error = relativeError(mixed.gradients[i]!, exact.gradients[i]!)
      expect(error).toBeGreaterThan(1e-6) // otherwise mixed precision was off
      expect(error).toBeLessThan(Math.max(1.5 * each.autocast.errors[i]!, HALF_ULP))
      // Compared with autocast's error, bfloat16 in the loss could go unnoticed, so compare with a float32 loss too.
      expect(error).toBeLessThanOrEqual(Math.max(1.25 * each.autocast.networkOnlyErrors[i]!, HALF_ULP))
    })
  })
  // Detects every bfloat16 product in a loss: without a network, no other rounding error can hide it.
  test.each(titled)('%s computes in float32 for every kind of embeddings', (_, each) => {
    const embeddings = fixture.views[each.inputs as keyof typeof fixture.views].map((view) =>
      tf.tidy(() => {
        const x = tf.slice(matrix(view!), 0, each.rows)
        return tf.variable(tf.matMul(tf.relu(tf.matMul(x, weights[0]!)), weights[1]!) as M)
      }),
    )
    // The addition makes the loss's inputs depend on variables without being variables.
    const gradients = tf.valueAndGrads((z1, z2) => {
      const loss = twoViewLosses[each.name]!(tf.add(z1!, 0), tf.add(z2!, 0), each.options)
      return tf.add(loss, tf.mul(tf.sum(z2!), 0)) as tf.Scalar // BYOL's targets are constants
    })
    const results = [false, true].map((compiled) => {
      const step = engine.compile(
        () => {
          const { value, grads } = gradients(embeddings)
          return { value, grads }
        },
        { eager: !compiled },
      )
      const { value, grads } = step()
      step.dispose()
      return { loss: value.dataSync()[0]!, grads: grads.map((gradient) => gradient.dataSync()) }
    })
    const [exact, mixed] = results as [(typeof results)[0], (typeof results)[0]]
    expect(Math.abs(mixed.loss - exact.loss)).toBeLessThan(1e-5 * Math.max(1, Math.abs(exact.loss)))
    exact.grads.forEach((gradient, i) => {
      if (norm(gradient) > 0) expect(relativeError(mixed.grads[i]!, gradient)).toBeLessThan(1e-5)
    })
    tf.dispose(embeddings)
  })
})
