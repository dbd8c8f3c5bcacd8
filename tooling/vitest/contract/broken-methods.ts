import {
  type Method,
  type MethodDefinition,
  type MethodOptions,
  type OptionValues,
  resolveOptions,
  type Step,
} from '@selfsup/core'
import { foldIn, randomNormal } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'

const options = {
  weight: { type: 'number', default: 1, min: 0.5, max: 2, description: 'of the loss' },
  steps: { type: 'number', default: 1, min: 1, integer: true, description: 'noises added one after another' },
  noisy: { type: 'boolean', default: true, description: 'whether views have noise' },
  kind: { type: 'choice', default: 'plain', choices: ['plain', 'other'], description: 'nothing' },
} as const satisfies MethodOptions

/** What a toy does wrong, one thing at a time. */
export type Fault =
  | 'none'
  | 'ignores the seed'
  | 'draws on the host in views'
  | 'order ignores the seed'
  | 'refuses grey images'
  | 'takes no crops'
  | 'leaks a tensor in the loss'
  | 'keeps its state after dispose'
  | 'has state that no checkpoint holds'
  | 'counts steps on the host'
  | 'draws on the host in the loss'
  | 'does not learn'
  | 'shows features that are not of the network'
  | 'has an alarm of no metric'
  | 'has an alarm that never rises'
  | 'accepts what is out of range'
  | 'accepts unknown options'
  | 'refuses a bound'
  | 'throws a plain Error'
  | 'does not name the option'
  | 'writes other options down'
  | 'has no finite loss at a bound'

/** A small method that holds the contract but for one fault: the features of two noisy views of an image agree, others differ. */
export function toyMethod(fault: Fault): MethodDefinition {
  const definition: MethodDefinition<typeof options> = {
    name: 'toy',
    summary: 'a method that breaks the contract',
    paper: 'none',
    options,
    training: () => ({
      epochs: 1,
      batchSize: 8,
      learningRate: 0.1,
      scaling: 'none',
      schedule: { name: 'constant' },
      optimizer: { name: 'sgd', momentum: 0.9, weightDecay: 0 },
    }),
    create: (backbone, given = {}) => toy(backbone, checked(definition, given, fault), fault),
  }
  return definition as unknown as MethodDefinition
}

type Values = OptionValues<typeof options>

function checked(definition: MethodDefinition<typeof options>, given: Partial<Values>, fault: Fault): Values {
  const plain = Object.fromEntries(Object.entries(options).map(([name, option]) => [name, option.default]))
  if (fault === 'accepts what is out of range') return { ...plain, ...given } as Values
  if (fault === 'refuses a bound' && given.weight === 2) throw new RangeError('weight must be below 2')
  if (fault === 'accepts unknown options') {
    const known = Object.entries(given).filter(([name]) => Object.hasOwn(options, name))
    return resolveOptions(definition, Object.fromEntries(known))
  }
  try {
    return resolveOptions(definition, given)
  } catch (error) {
    if (fault === 'throws a plain Error') throw new Error((error as Error).message)
    if (fault === 'does not name the option' && error instanceof Error) error.message = 'that is out of range'
    throw error
  }
}

function toy(
  backbone: Method['networks']['backbone'],
  values: Values,
  fault: Fault,
): Method<[tf.Tensor4D, tf.Tensor4D]> {
  const [, size, , channels] = backbone.inputs[0]!.shape as [null, number, number, number]
  const mean = tf.tidy(() => tf.variable(tf.zeros([8]), false))
  const hidden =
    fault === 'has state that no checkpoint holds'
      ? tf.tidy(() => tf.variable(tf.scalar(1), false))
      : undefined
  let calls = 0
  const broken = <Right>(which: Fault, right: Right, wrong: () => Right): Right =>
    fault === which ? wrong() : right
  const through = (x: tf.Tensor) => backbone.apply(x, { training: true }) as tf.Tensor2D

  function noisy(x: tf.Tensor4D, { seed }: Step, stream: number): tf.Tensor4D {
    const own = broken('ignores the seed', seed, () => tf.tensor1d([1, 2], 'int32'))
    const drawn = broken('draws on the host in views', randomNormal(x.shape, foldIn(own, stream)), () =>
      tf.randomNormal(x.shape),
    )
    return tf.add(x, tf.mul(drawn, values.noisy ? 0.05 * values.steps : 0))
  }

  return {
    name: 'toy',
    options: broken<Values>('writes other options down', values, () => ({ ...values, weight: 1.5 })),
    networks: { backbone },
    state: { mean },
    crops: [1, 2].map((stream) => ({ size, scale: [0.5, 1], ratio: [1, 1], stream })),
    alarms: alarmsOf(fault),
    order: ({ length }, { epoch, seed: [first] }) => {
      const start = broken('order ignores the seed', first + 7 * epoch, () => 0)
      return Uint32Array.from({ length }, (_, i) => (i + start) % length)
    },
    views({ images, crops }, step) {
      if (fault === 'refuses grey images' && channels === 1) throw new Error('colours only')
      const [a, b] = images ? [images, images] : (crops as tf.Tensor4D[])
      if (fault === 'takes no crops' && crops) throw new Error('whole images only')
      const pixels = (x: tf.Tensor4D) => tf.div(x, 255) as tf.Tensor4D
      return [noisy(pixels(a!), step, 1), noisy(pixels(b!), step, 2)]
    },
    loss([a, b]) {
      calls++
      const [x, y] = [through(a), through(b)]
      if (fault === 'leaks a tensor in the loss') tf.keep(tf.scalar(1))
      const spread = tf.mean(tf.square(tf.sub(x, tf.add(tf.mean(x, 0, true), tf.mul(mean, 1e-3)))))
      const apart = tf.sub(tf.mean(tf.squaredDifference(x, y)), tf.sqrt(tf.add(spread, 1e-4)))
      const scale = tf.scalar(
        broken('counts steps on the host', values.weight, () => values.weight * calls) *
          broken('draws on the host in the loss', 1, () => Math.random()) *
          broken('has no finite loss at a bound', 1, () => (values.weight === 2 ? Number.NaN : 1)),
      )
      const loss = tf.mul(hidden ? tf.mul(apart, hidden) : apart, scale) as tf.Scalar
      return {
        loss: broken<tf.Scalar>('does not learn', loss, () => tf.add(tf.mul(loss, 0), 1)),
        metrics: { width: spread as tf.Scalar },
        features: broken<tf.Tensor>('shows features that are not of the network', x, () =>
          tf.reshape(a, [a.shape[0], -1]),
        ),
      }
    },
    afterUpdate([a]) {
      mean.assign(tf.add(tf.mul(mean, 0.9), tf.mul(tf.mean(through(a), 0), 0.1)))
      hidden?.assign(tf.mul(hidden, 0.5))
    },
    dispose() {
      if (fault !== 'keeps its state after dispose') mean.dispose()
      hidden?.dispose()
    },
  }
}

function alarmsOf(fault: Fault): NonNullable<Method['alarms']> {
  const metric = fault === 'has an alarm of no metric' ? 'breadth' : 'width'
  const below = fault === 'has an alarm that never rises' ? -1 : 1e-8
  return [{ name: 'collapse', metric, below, steps: 10, message: 'all images look the same' }]
}
