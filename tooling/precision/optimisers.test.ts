import { type Engine, prepareEngine } from '@selfsup/engine'
import { adamw, exponentialMovingAverage, type Optimizer, sgd } from '@selfsup/optim'
import { findTensorflow } from '@selfsup/tensorflow'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'

// Updates that bfloat16 swallows: a weight of 0.1 has neighbours 4.9e-4 away there, so that it never moves by 1e-4.
describe.runIf(findTensorflow()?.source === 'selfsup')(
  'optimisers of compiled steps in mixed precision',
  () => {
    let engine: Engine
    beforeAll(async () => {
      engine = await prepareEngine({ engine: 'tensorflow', mixedPrecision: 'on' })
    })

    const SHAPE: [number, number, number, number] = [3, 3, 16, 16]

    /** A filter whose gradient is that of a convolution, in bfloat16, and the same number everywhere. */
    function trained(make: (variables: Record<string, tf.Variable>) => Optimizer) {
      const weight = tf.tidy(() => tf.variable(tf.fill(SHAPE, 0.1))) as tf.Variable<tf.Rank.R4>
      const optimizer = make({ weight })
      const image = tf.ones([1, 3, 3, 16]) as tf.Tensor4D // one place for each of the filter's values
      const step = engine.compile((slope: tf.Scalar, learningRate: tf.Scalar) => {
        const loss = () => tf.mul(tf.sum(tf.conv2d(image, weight, 1, 'valid')), slope) as tf.Scalar
        const { grads } = tf.variableGrads(loss, [weight])
        optimizer.apply({ weight: grads[weight.name]! }, { learningRate })
        return tf.scalar(0)
      })
      return {
        weight,
        optimizer,
        run(steps: number, slope: number, rate: number) {
          const inputs = [tf.scalar(slope), tf.scalar(rate)] as const
          for (let i = 0; i < steps; i++) step(...inputs).dispose()
          tf.dispose([...inputs])
        },
        value: () => weight.dataSync()[5]!,
        dispose() {
          step.dispose()
          optimizer.dispose()
          tf.dispose([weight, image])
        },
      }
    }

    test('SGD moves a weight by many small steps', () => {
      const each = trained((variables) => sgd(variables, { momentum: 0 }))
      each.run(1000, 1e-4, 0.6)
      expect(each.value()).toBeCloseTo(0.1 - 1000 * 1e-4 * 0.6, 3)
      each.dispose()
    })

    test('SGD with momentum', () => {
      const each = trained((variables) => sgd(variables, { momentum: 0.9 }))
      each.run(1000, 1e-4, 0.06)
      // The sum of a geometric series: rate / (1 - momentum) per step, minus the smaller first steps.
      expect(each.value()).toBeCloseTo(0.1 - (0.06e-4 / 0.1) * (1000 - 9), 3)
      each.dispose()
    })

    test('AdamW: its second moment decays when gradients become small', () => {
      const each = trained((variables) => adamw(variables, { weightDecay: 0 }))
      each.run(2000, 1, 1e-4)
      expect(each.value()).toBeCloseTo(-0.1, 3) // a step is the rate while the gradient stays the same
      const square = each.optimizer.slots['weight/square']!
      const before = square.dataSync()[5]!
      each.run(2000, 0.01, 1e-4)
      expect(square.dataSync()[5]! / before).toBeCloseTo(0.999 ** 2000, 2)
      expect(each.value()).toBeCloseTo(-0.1045, 3)
      each.dispose()
    })

    test('a momentum network of momentum 0.999 follows', () => {
      const [online, average] = [0.2, 0.1].map((value) => tf.tidy(() => tf.variable(tf.fill(SHAPE, value))))
      const step = engine.compile((momentum: tf.Scalar) => {
        exponentialMovingAverage({ weight: average! }, { weight: online! }, momentum)
        return tf.sum(
          tf.conv2d(tf.ones([1, 3, 3, 16]) as tf.Tensor4D, average as tf.Variable<tf.Rank.R4>, 1, 'valid'),
        )
      })
      const momentum = tf.scalar(0.999)
      for (let i = 0; i < 1000; i++) step(momentum).dispose()
      expect(average!.dataSync()[5]).toBeCloseTo(0.2 - 0.1 * 0.999 ** 1000, 4)
      step.dispose()
      tf.dispose([online!, average!, momentum])
    })
  },
)
