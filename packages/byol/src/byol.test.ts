import { readFileSync } from 'node:fs'
import { convnet } from '@selfsup/backbones'
import { type Method, resolveOptions, weightNames } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { imageBatch } from '../../../tooling/vitest/batches.js'
import { methodEngines } from '../../../tooling/vitest/engines.js'
import { expectWholeSteps } from '../../../tooling/vitest/whole-steps.js'
import { byol, definition } from './byol.js'
import { simsiam, simsiamDefinition } from './simsiam.js'

type Values = Record<string, number[]>
interface Fixture {
  before: { weights: Values }
  views: [number[], number[]][]
  after: { losses: number[]; weights: Values; target?: Values }
}
const fixtures: Record<'byol' | 'simsiam', Fixture> = JSON.parse(
  readFileSync(new URL('fixtures/byol.json', import.meta.url), 'utf8'),
)

const stepAt = (progress = 0) => ({
  seed: tf.tensor1d([5, 6], 'int32'),
  progress: tf.scalar(progress),
  epoch: tf.scalar(0),
  phase: 'main',
})

type Make = (backbone: LayersModel, options?: object) => Method

describe.each(methodEngines())('without negatives on %s', (engine) => {
  let tensors: number
  beforeAll(async () => {
    await prepareEngine({ engine })
  })
  beforeEach(() => {
    tensors = tf.memory().numTensors
  })
  afterEach(() => {
    expect(tf.memory().numTensors).toBe(tensors)
  })
  /** Creates the method and its backbone, and disposes both afterwards. */
  function using(make: Make, options: object, use: (method: Method) => void) {
    const backbone = convnet({ widths: [4, 8], size: 16 })
    const method = make(backbone, options)
    tf.tidy(() => use(method))
    method.dispose()
    backbone.dispose()
  }

  // Of BYOL two steps: losses, gradients, the rising momentum, the target after two updates and its statistics.
  test.each([
    ['byol', byol as Make, { hidden: 5, outputs: 3, momentum: 0.9 }],
    ['simsiam', simsiam as Make, { layers: 2, outputs: 3, bottleneck: 2 }],
  ] as const)(
    '%s: whole compiled steps equal those of lightly’s parts in PyTorch',
    async (name, make, options) => {
      const { before, views, after } = fixtures[name]
      const backbone = convnet({ size: 4, widths: [3, 4] })
      const method = make(backbone, options)
      const own = (names: readonly string[]) =>
        Object.fromEntries(names.map((at) => [at, before.weights[at]!]))
      const steps = {
        rate: 0.1,
        views,
        before: own([...weightNames(method.networks).keys()]),
        losses: after.losses,
        after: after.weights,
        stateBefore: own(Object.keys(method.state)),
        stateAfter: after.target,
      }
      expectWholeSteps(method, steps, await prepareEngine({ engine }))
      for (const made of [method, backbone]) made.dispose()
    },
  )

  test('the target network after two updates equals values worked out by hand', () => {
    using(byol as Make, { outputs: 4 }, (method) => {
      const online = weightNames(method.networks).get('projector/1/linear/kernel')!
      const target = method.state['projector/1/linear/kernel']!
      target.assign(tf.onesLike(target))
      online.assign(tf.fill(online.shape, 2))
      method.afterUpdate!([], stepAt(0), undefined)
      expect(target.dataSync()[0]).toBeCloseTo(0.99 * 1 + 0.01 * 2, 6) // 1.01
      online.assign(tf.fill(online.shape, 3))
      method.afterUpdate!([], stepAt(0.5), undefined) // half way: 0.995
      expect(target.dataSync()[0]).toBeCloseTo(0.995 * 1.01 + 0.005 * 3, 6) // 1.01995
      online.assign(tf.fill(online.shape, 100))
      method.afterUpdate!([], stepAt(1), undefined)
      expect(target.dataSync()[0]).toBeCloseTo(1.01995, 6)
      expect(Object.keys(method.state)).not.toContain('predictor/1/linear/kernel')
    })
  })

  test('BYOL solarises the view whose probability is set', () => {
    const brightest = (options: object) => {
      let values: number[] = []
      using(byol as Make, { outputs: 4, jitter: 0, minScale: 1, ...options }, (method) => {
        const batch = { ...imageBatch(2), images: tf.fill([2, 16, 16, 3], 250, 'int32') as tf.Tensor4D }
        values = (method.views(batch, stepAt()) as tf.Tensor4D[]).map((view) => tf.mean(view).dataSync()[0]!)
      })
      return values
    }
    const [first, second] = brightest({ solarise2: 1 })
    expect(first).toBeGreaterThan(2)
    expect(second).toBeLessThan(-1.5)
    expect(brightest({ solarise: 1, solarise2: 0 })).toEqual([
      expect.closeTo(second!, 3),
      expect.closeTo(first!, 3),
    ])
  })

  test('no gradient flows into the predicted projection', () => {
    // The predictor's last layer is 0, so the projector could receive a gradient only from the targets.
    using(simsiam as Make, { outputs: 4, layers: 2 }, (method) => {
      const kernel = weightNames(method.networks).get('predictor/2/linear/kernel')!
      kernel.assign(tf.zerosLike(kernel))
      const views = method.views(imageBatch(8), stepAt()) as [tf.Tensor4D, tf.Tensor4D]
      const weight = weightNames(method.networks).get('projector/1/linear/kernel')!
      const { grads } = tf.variableGrads(() => method.loss(views, stepAt(), undefined).loss, [weight])
      expect(tf.max(tf.abs(grads[weight.name]!)).dataSync()[0]).toBe(0)
    })
  })
})

describe('recipes', () => {
  beforeAll(async () => {
    await prepareEngine({ engine: 'cpu' })
  })

  test('BYOL trains with LARS, excluding biases and norms; SimSiam’s predictor keeps its learning rate', () => {
    expect(definition.training(resolveOptions(definition))).toMatchObject({
      optimizer: { name: 'lars', weightDecay: 1e-6, exclude: 'biases-and-norms' },
      schedule: { name: 'cosine', warmupEpochs: 10 },
    })
    expect(simsiamDefinition.training(resolveOptions(simsiamDefinition))).toMatchObject({
      optimizer: { name: 'sgd' },
      schedule: { name: 'cosine' },
    })
    const backbone = convnet({ size: 16, widths: [4, 8] })
    const method = simsiam(backbone)
    const { weights, learningRate } = method.groups!.predictor!
    expect(weights).toEqual(['predictor'])
    tf.tidy(() => {
      const [scheduled, highest] = [tf.scalar(0.01), tf.scalar(0.5)]
      expect(learningRate!({ scheduled, highest, optimizer: 'sgd' }, stepAt(0.9)).dataSync()[0]).toBe(0.5)
    })
    method.dispose()
    backbone.dispose()
  })

  test('heads have the sizes of the papers', () => {
    const shape = ({ layers, outputs }: LayersModel) => [
      layers
        .slice(1)
        .map(({ name }) => name)
        .join(' '),
      ...layers
        .filter(({ name }) => name.endsWith('linear'))
        .map(({ outputShape }) => outputShape[1] as number),
      outputs[0]!.shape[1],
    ]
    const two = '1/linear 1/bn 1/relu 2/linear'
    const backbone = convnet({ size: 96, widths: [4, 8] })
    const [a, b] = [byol(backbone), simsiam(backbone)]
    expect(shape(a.networks.projector!)).toEqual([two, 16, 256, 256])
    expect(shape(a.networks.predictor!)).toEqual([two, 16, 256, 256])
    expect(shape(b.networks.projector!)).toEqual([`${two} 2/bn 2/relu 3/linear 3/bn`, 8, 8, 8, 8])
    expect(shape(b.networks.predictor!)).toEqual([two, 2, 8, 8])
    for (const method of [a, b, backbone]) method.dispose()
  })

  test('crops have the smallest areas of the papers: 0.08 in BYOL, 0.2 in SimSiam', () => {
    const backbone = convnet({ size: 96, widths: [4, 8] })
    const [a, b] = [byol(backbone), simsiam(backbone)]
    expect(a.crops.map(({ scale }) => scale)).toEqual(Array(2).fill([0.08, 1]))
    expect(b.crops.map(({ scale }) => scale)).toEqual(Array(2).fill([0.2, 1]))
    for (const method of [a, b, backbone]) method.dispose()
  })

  test.each([
    [byol as Make, { momentum: 1.1 }, 'momentum must be a number from 0 to 1; got 1.1'],
    [byol as Make, { outputs: 0 }, 'outputs must be a whole number of at least 1; got 0'],
    [byol as Make, { solarize: 1 }, "did you mean 'solarise'"],
    [
      simsiam as Make,
      { bottleneck: 0.5 },
      'bottleneck must be a whole number of at least 1, or auto; got 0.5',
    ],
    [simsiam as Make, { momentum: 0.9 }, 'option of simsiam'],
  ])('rejects invalid options: %#', (make, wrong, message) => {
    const backbone = convnet({ size: 16, widths: [4, 8] })
    expect(() => make(backbone, wrong)).toThrow(message)
    backbone.dispose()
  })
})
