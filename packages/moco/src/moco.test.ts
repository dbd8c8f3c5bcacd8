import { readFileSync } from 'node:fs'
import { convnet } from '@selfsup/backbones'
import { type Method, resolveOptions, weightNames } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { stepOf } from '../../../tooling/vitest/batches.js'
import { methodEngines } from '../../../tooling/vitest/engines.js'
import { definition, moco } from './moco.js'
import { type MocoOptions, recipeOf, settingsOf } from './options.js'
import type { MocoViews } from './parts.js'

type Values = Record<string, number[]>
interface Fixture {
  before: { weights: Values; x1: number[]; x2: number[]; queue?: number[]; position?: number }
  after: { loss: number; weights: Values; keyEncoder: Values; queue?: number[]; position?: number }
}
const fixtures: Record<'v2' | 'v3', Fixture> = JSON.parse(
  readFileSync(new URL('fixtures/moco.json', import.meta.url), 'utf8'),
)

const stepAt = (progress = 0) => ({
  seed: tf.tensor1d([5, 6], 'int32'),
  progress: tf.scalar(progress),
  epoch: tf.scalar(0),
  phase: 'main',
})

function setAll(variables: Iterable<[string, tf.Variable]>, values: Values): void {
  tf.tidy(() => {
    for (const [name, variable] of variables) variable.assign(tf.tensor(values[name]!, variable.shape))
  })
}

function expectAll(variables: Iterable<[string, tf.Variable]>, values: Values): void {
  for (const [name, variable] of variables) {
    const worst = Math.max(...[...variable.dataSync()].map((value, i) => Math.abs(value - values[name]![i]!)))
    expect({ name, worst: worst < 2e-5 ? 0 : worst }).toEqual({ name, worst: 0 })
  }
}

/** Runs one step of plain gradient descent and returns the loss. */
function descend(method: Method, views: MocoViews, step: ReturnType<typeof stepAt>, rate: number): tf.Scalar {
  const targets = method.targets!(views, step)
  const weights = Object.values(method.networks).flatMap((model) =>
    model.trainableWeights.map((weight) => weight.read() as tf.Variable),
  )
  const { value, grads } = tf.variableGrads(() => method.loss(views, step, targets).loss, weights)
  for (const weight of weights) weight.assign(tf.sub(weight, tf.mul(grads[weight.name]!, rate)))
  method.afterUpdate?.(views, step, targets)
  return value
}

describe.each(methodEngines())('moco on %s', (engine) => {
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
  function withMoco(given: MocoOptions, use: (method: ReturnType<typeof moco>) => void): void {
    const backbone = convnet({ widths: [4, 8], size: 16 })
    const method = moco(backbone, given)
    tf.tidy(() => use(method))
    method.dispose()
    backbone.dispose()
  }

  // Covers split normalisation, shuffled keys, InfoNCE, the update, momentum, and a queue that wraps within the batch.
  test.each([
    ['v2', { hidden: 5, outputs: 3, queue: 10, batchGroups: 2, momentum: 0.9, temperature: 0.2 }, 0],
    ['v3', { hidden: 5, outputs: 3, temperature: 0.5, momentum: 0.9 }, 0.25],
  ] as const)(
    '%s: a compiled step equals that of the authors’ PyTorch code',
    async (version, given, progress) => {
      const { compile } = await prepareEngine({ engine })
      const { before, after } = fixtures[version]
      const backbone = convnet({ size: 4, widths: [3, 4] })
      const method = moco(backbone, { version, ...given })
      const { queue, queuePosition, ...keyEncoder } = method.state
      setAll(weightNames(method.networks), before.weights)
      setAll(Object.entries(keyEncoder), before.weights)
      if (queue) setAll([['q', queue]], { q: before.queue! })
      if (queuePosition) tf.tidy(() => queuePosition.assign(tf.scalar(before.position!, 'int32')))
      const step = compile((x1: tf.Tensor4D, x2: tf.Tensor4D, at: ReturnType<typeof stepAt>) =>
        descend(method, [x1, x2], at, 0.1),
      )
      const [x1, x2] = [before.x1, before.x2].map((x) => tf.tensor4d(x, [8, 4, 4, 3]))
      const { phase, ...at } = stepAt(progress)
      const loss = step(x1!, x2!, { ...at, phase })
      expect(loss.dataSync()[0]).toBeCloseTo(after.loss, 5)
      expectAll(weightNames(method.networks), after.weights)
      expectAll(Object.entries(keyEncoder), after.keyEncoder)
      if (queue) expectAll([['q', queue]], { q: after.queue! })
      if (queuePosition) expect(queuePosition.dataSync()[0]).toBe(after.position)
      tf.dispose([x1!, x2!, loss, at])
      for (const made of [step, method, backbone]) made.dispose()
    },
  )

  test('the momentum of v3 rises to 1, at which the momentum encoder no longer changes', () => {
    withMoco({ version: 'v3', outputs: 4, momentum: 0 }, (method) => {
      const weight = weightNames(method.networks).get('backbone/stage1/conv/kernel')!
      const slow = method.state['backbone/stage1/conv/kernel']!
      const moved = (progress: number) => {
        weight.assign(tf.add(slow, 1))
        const before = slow.dataSync()[0]!
        method.afterUpdate!([] as never, stepAt(progress), [] as never)
        return slow.dataSync()[0]! - before
      }
      expect([moved(1), moved(0.5), moved(0)]).toEqual([0, expect.closeTo(0.5, 5), expect.closeTo(1, 5)])
    })
  })
})

describe('versions', () => {
  beforeAll(async () => {
    await prepareEngine({ engine: 'cpu' })
  })

  test.each([
    ['v1', ['1/linear'], { name: 'step', milestones: [120, 160] }, 'sgd'],
    ['v2', ['1/linear', '1/relu', '2/linear'], { name: 'cosine' }, 'sgd'],
    ['v3', ['1/linear', '1/bn', '1/relu', '2/linear', '2/bn'], { name: 'cosine', warmupEpochs: 10 }, 'lars'],
  ] as const)(
    '%s has the head, state and training defaults of its paper',
    (version, layers, schedule, optimizer) => {
      const backbone = convnet({ size: 16, widths: [4, 8] })
      const method = moco(backbone, { version })
      const head = method.networks.projector!
      expect(head.layers.slice(1).map(({ name }) => name)).toEqual(layers)
      expect(head.outputs[0]!.shape).toEqual([null, version === 'v3' ? 256 : 128])
      expect(Object.keys(method.networks)).toEqual([
        'backbone',
        'projector',
        ...(version === 'v3' ? ['predictor'] : []),
      ])
      expect(method.state.queue?.shape).toEqual(version === 'v3' ? undefined : [4096, 128])
      expect(Object.keys(method.state)).toContain('projector/1/linear/kernel')
      expect(method.needs!.batchSize).toEqual(
        version === 'v3' ? { min: 2, multipleOf: 1 } : { min: 16, max: 4096, multipleOf: 8 },
      )
      const training = definition.training(resolveOptions(definition, { version }))
      expect(training).toMatchObject({ schedule, optimizer: { name: optimizer } })
      method.dispose()
      backbone.dispose()
    },
  )

  // MoCo sections 3.3 and 4.1, MoCo v2 section 3, MoCo v3 section 4 and its code for ResNets and vision transformers; for small images
  // the authors' code for CIFAR-10.
  test.each([
    ['v1', false, false, [0.999, 0.07, 8, 16, 128, 1], [0.2, [0, 0], 0.4]],
    ['v1', false, true, [0.99, 0.07, 8, 16, 128, 1], [0.2, [0, 0], 0.4]],
    ['v2', false, false, [0.999, 0.2, 8, 16, 128, 2], [0.2, [0.5, 0.5], 0.1]],
    ['v2', false, true, [0.99, 0.1, 8, 16, 128, 2], [0.2, [0.5, 0.5], 0.1]],
    ['v3', false, false, [0.99, 1, 1, 32, 256, 2], [0.2, [1, 0.1], 0.1]],
    ['v3', false, true, [0.99, 1, 1, 32, 256, 2], [0.2, [1, 0.1], 0.1]],
    ['v3', true, false, [0.99, 0.2, 1, 32, 256, 3], [0.08, [1, 0.1], 0.1]],
  ] as const)(
    '%s, transformer %s, small images %s: numbers and augmentations of the paper',
    (version, transformer, small, numbers, views) => {
      const options = resolveOptions(definition, { version })
      const of = { features: 16, transformer, small }
      const { momentum, temperature, batchGroups, hidden, outputs, layers } = settingsOf(options, of)
      expect([momentum, temperature, batchGroups, hidden, outputs, layers]).toEqual(numbers)
      const { minScale, blur, jitter } = recipeOf(version, transformer)
      expect([minScale, blur, jitter.hue]).toEqual(views)
      const own = { momentum: 0.5, temperature: 3, batchGroups: 2, hidden: 4, outputs: 6, layers: 7 }
      expect(settingsOf({ ...options, ...own }, of)).toEqual(own)
    },
  )

  test.each([
    [64, { momentum: 0.99, temperature: 0.1 }, { momentum: 0.99, temperature: 0.2 }],
    [72, { momentum: 0.999, temperature: 0.2 }, { momentum: 0.999, temperature: 0.1 }],
  ])('v2 of %i pixels has the temperature %j, not %j', (size, own, other) => {
    const losses = [{}, own, other].map((given) => {
      const backbone = convnet({ size, widths: [2, 4] })
      const method = moco(backbone, { queue: 16, batchGroups: 2, ...given })
      const loss = tf.tidy(() => {
        const views = [1, 2].map((seed) =>
          tf.randomNormal([4, size, size, 3], 0, 1, 'float32', seed),
        ) as MocoViews
        return method.loss(views, stepOf(), method.targets!(views, stepOf())).loss.dataSync()[0]
      })
      method.dispose()
      backbone.dispose()
      return loss
    })
    expect(losses[0]).toBe(losses[1])
    expect(losses[0]).not.toBeCloseTo(losses[2]!, 2)
  })

  test('v3 freezes the patch projection of a vision transformer and adds a three-layer head', () => {
    // The method recognises a vision transformer by these layer names.
    const input = tfl.input({ shape: [8, 8, 3] })
    const patches = tfl.layers.conv2d({ name: 'patches/projection', filters: 4, kernelSize: 4, strides: 4 })
    const token = tfl.layers.globalAveragePooling2d({ name: 'class-token' })
    const output = token.apply(patches.apply(input)) as tfl.SymbolicTensor
    const backbone = tfl.model({ inputs: input, outputs: output })
    const method = moco(backbone, { version: 'v3' })
    expect(backbone.trainableWeights).toHaveLength(0)
    expect(method.networks.projector!.layers.at(-1)!.name).toBe('3/bn')
    expect(method.networks.predictor!.layers.at(-1)!.name).toBe('2/bn')
    method.dispose()
    patches.trainable = true
    moco(backbone, { version: 'v3', freezePatches: false }).dispose()
    expect(backbone.trainableWeights).toHaveLength(2)
    backbone.dispose()
  })

  test('rejects invalid options and backbones', () => {
    const backbone = convnet({ size: 16, widths: [4, 8] })
    expect(() => moco(backbone, { queue: 0 })).toThrow('queue must be a whole number of at least 1; got 0')
    expect(() => moco(backbone, { queue: 8 })).toThrow(
      'moco: queue must be at least 16, two keys for each of the 8 batchGroups; got 8',
    )
    expect(() => moco(backbone, { momentum: 1.5 })).toThrow('momentum must be a number from')
    expect(() => moco(backbone, { version: 'v4' } as object)).toThrow(
      'version must be one of v1, v2, v3; got "v4"',
    )
    backbone.dispose()
    const foreign = tfl.sequential({
      layers: [
        tfl.layers.conv2d({ filters: 4, kernelSize: 3, inputShape: [8, 8, 3] }),
        tfl.layers.batchNormalization({ name: 'theirs' }),
        tfl.layers.globalAveragePooling2d({}),
      ],
    })
    expect(() => moco(foreign)).toThrow(
      "moco: the backbone's batch normalisation 'theirs' always uses the whole batch",
    )
    moco(foreign, { batchGroups: 1 }).dispose()
    foreign.dispose()
  })

  test('a backbone without batch normalisation needs no groups', () => {
    const backbone = convnet({ size: 16, widths: [4, 8], norm: 'layer' })
    const method = moco(backbone)
    expect(method.needs!.batchSize).toEqual({ min: 2, max: 4096, multipleOf: 1 })
    method.dispose()
    backbone.dispose()
  })
})
