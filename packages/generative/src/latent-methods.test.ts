import { convnet, dcgan, fullyConnected } from '@selfsup/backbones'
import { encoderOf, type Method, phasesOf, resolveOptions, uniforms } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { methodEngines } from '../../../tooling/vitest/engines.js'
import { bigan, biganDefinition } from './bigan.js'
import { bernoulliCost, gaussianDivergence } from './elbo.js'
import { gan, ganDefinition } from './gan.js'
import { vae, vaeDefinition } from './vae.js'

const seed = (first = 5) => tf.tensor1d([first, 6], 'int32')
const step = (phase = 'main') => ({
  seed: seed(),
  progress: tf.scalar(0),
  epoch: tf.scalar(0),
  phase,
})
const normalisation = { mean: [0], std: [1] }
const tiny = { size: 8, channels: 1 } as const
const small = () => fullyConnected({ ...tiny, widths: [12, 8] })
const convolving = () => dcgan({ ...tiny, width: 4, features: 8 })

function images(count: number) {
  const values = Int32Array.from(uniforms([1, 2], count * 64), (u) => Math.floor(u * 256))
  return {
    images: tf.tensor4d(values, [count, 8, 8, 1], 'int32'),
    labels: tf.fill([count], -1, 'int32') as tf.Tensor1D,
    indices: tf.range(0, count, 1, 'int32'),
  }
}

const variables = (model: LayersModel) => model.trainableWeights.map((weight) => weight.read() as tf.Variable)

/** Evaluates the loss of a phase as the training loop does. */
function lossIn(method: Method, phase: string) {
  const views = method.views(images(8), step(phase))
  return method.loss(views, step(phase), method.targets?.(views, step(phase)))
}

describe.each(methodEngines())('methods with latents on %s', (engine) => {
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

  const cases: [string, () => LayersModel, (backbone: LayersModel) => Method][] = [
    ['vae, linear', small, (b) => vae(b, { latent: 3, width: 1 }, { normalisation })],
    [
      'vae, convolutional, gaussian',
      convolving,
      (b) => vae(b, { latent: 3, width: 2, likelihood: 'gaussian' }, { normalisation }),
    ],
    [
      'vae, of a backbone’s map',
      () => convnet({ ...tiny, widths: [4, 8] }),
      (b) => vae(b, { latent: 3, width: 2 }, { normalisation }),
    ],
    ['gan, convolutional', convolving, (b) => gan(b, { latent: 3, width: 2 })],
    ['gan with R1', convolving, (b) => gan(b, { latent: 3, width: 2, r1: 1 })],
    ['gan, linear, R1 at each step', small, (b) => gan(b, { latent: 3, width: 1, r1: 1, r1Every: 1 })],
    ['bigan, linear', small, (b) => bigan(b, { latent: 3, width: 1 })],
    ['bigan, convolutional, with cycles', convolving, (b) => bigan(b, { latent: 3, width: 2, cycle: 0.1 })],
  ]
  test.each(cases)(
    '%s: each phase has a finite loss whose gradients reach the weights it trains',
    (_, make, of) => {
      const backbone = make()
      const method = of(backbone)
      for (const phase of phasesOf(method)) {
        tf.tidy(() => {
          const trained = (method.phases?.[phase] ?? Object.keys(method.networks)).flatMap((name) =>
            variables(method.networks[name]!),
          )
          const { loss, metrics = {} } = lossIn(method, phase)
          for (const alarm of method.alarms ?? []) {
            const [of, metric] = alarm.metric.split('/') as [string, string]
            if (of === phase) expect({ loss, ...metrics }).toHaveProperty(metric)
          }
          const { value, grads } = tf.variableGrads(() => lossIn(method, phase).loss, trained)
          expect(Number.isFinite(value.dataSync()[0])).toBe(true)
          for (const weight of trained) {
            expect(grads[weight.name], `${phase}: ${weight.name}`).toBeDefined()
            expect(Number.isFinite(tf.sum(grads[weight.name]!).dataSync()[0])).toBe(true)
          }
        })
      }
      tf.tidy(() => {
        const views = method.views(images(8), step())
        const shown = method.samples!(views, step())
        for (const [name, { shape }] of Object.entries(shown))
          expect(shape).toEqual(name === 'reconstructions' ? [8, 8, 16, 1] : [32, 8, 8, 1])
        expect(encoderOf(method)(tf.zeros([2, 8, 8, 1])).rank).toBe(2)
      })
      method.dispose()
      backbone.dispose()
    },
  )

  test('vae: the bound of a decoder with zero weights is known, and beta weighs the divergence', () => {
    const backbone = small()
    const [method, heavy] = [1, 4].map((beta) =>
      vae(backbone, { latent: 3, width: 1, beta }, { normalisation }),
    )
    tf.tidy(() => {
      for (const weight of [
        ...variables(method!.networks.decoder!),
        ...variables(method!.networks.posterior!),
      ])
        weight.assign(tf.zerosLike(weight))
      const views = method!.views(images(4), step())
      const { bound, divergence, reconstruction } = method!.negativeElbo(views, seed())
      // Logits 0: log 2 for each of 64 pixels; mean 0 and variance 1: no divergence.
      for (const value of bound.dataSync()) expect(value).toBeCloseTo(64 * Math.log(2), 3)
      expect(tf.sum(divergence).dataSync()[0]).toBeCloseTo(0, 5)
      expect(reconstruction.shape).toEqual([4])
      const { loss, metrics } = heavy!.loss(heavy!.views(images(4), step()), step(), undefined)
      const [cost, nats] = [metrics!.reconstruction!, metrics!.divergence!].map((x) => x.dataSync()[0]!)
      expect(nats).toBeGreaterThan(1e-4)
      expect(loss.dataSync()[0]).toBeCloseTo(cost! + 4 * nats!, 3)
    })
    for (const one of [method, heavy]) one!.dispose()
    backbone.dispose()
  })

  test('vae: encoder and decoder by hand give the same bound; features are the means', () => {
    const backbone = small()
    const method = vae(backbone, { latent: 3, width: 1 }, { normalisation })
    tf.tidy(() => {
      const x = method.views(images(4), step())
      const { posterior, decoder } = method.networks
      const features = backbone.apply(x, { training: false }) as tf.Tensor
      const [mean, logVariance] = tf.split(posterior!.apply(features) as tf.Tensor2D, 2, 1) as [
        tf.Tensor2D,
        tf.Tensor2D,
      ]
      const { divergence } = method.negativeElbo(x, seed())
      expect(
        tf.max(tf.abs(tf.sub(divergence, gaussianDivergence(mean, logVariance)))).dataSync()[0],
      ).toBeLessThan(1e-5)
      expect(tf.max(tf.abs(tf.sub(method.encode!(x), mean))).dataSync()[0]).toBeLessThan(1e-6)
      // Almost no variance: the sample is the mean.
      const bias = variables(posterior!).find(({ shape }) => shape.length === 1)!
      bias.assign(tf.tensor1d([0.5, -1, 2, -40, -40, -40]))
      variables(posterior!)
        .find(({ shape }) => shape.length === 2)!
        .assign(tf.zeros([8, 6]))
      const logits = decoder!.apply(tf.tile(tf.tensor2d([[0.5, -1, 2]]), [4, 1]), {
        training: false,
      }) as tf.Tensor
      const { reconstruction } = method.negativeElbo(x, seed())
      expect(tf.max(tf.abs(tf.sub(reconstruction, bernoulliCost(x, logits)))).dataSync()[0]).toBeLessThan(
        1e-3,
      )
    })
    method.dispose()
    backbone.dispose()
  })

  test('r1 adds its penalty every n steps, with n times the weight', () => {
    const backbone = dcgan({ ...tiny, width: 4, features: 8, norm: 'layer' })
    const method = gan(backbone, { latent: 3, width: 2, r1: 3, r1Every: 4 })
    expect(Array.from({ length: 5 }, (_, step) => method.phasesAt!({ step, epoch: 0 })[0])).toEqual([
      'regularised',
      ...Array(3).fill('discriminator'),
      'regularised',
    ])
    tf.tidy(() => {
      const views = method.views(images(8), step())
      const [plain, regularised] = ['discriminator', 'regularised'].map((phase) =>
        method.loss(views, step(phase), method.targets!(views, step(phase))),
      )
      const penalty = regularised!.metrics!.penalty!.dataSync()[0]!
      expect(penalty).toBeGreaterThan(0)
      expect(regularised!.loss.dataSync()[0]! - plain!.loss.dataSync()[0]!).toBeCloseTo(1.5 * 4 * penalty, 4)
    })
    method.dispose()
    backbone.dispose()
  })

  test('BiGAN’s discriminator receives the latents after its first layer or trunk, not before', () => {
    const inputsOf = (backbone: LayersModel) => {
      const method = bigan(backbone, { latent: 3, width: 2 })
      const sizes = ['1/linear', '2/linear'].map(
        (name) => method.networks.discriminator!.getLayer(name).getWeights()[0]!.shape[0],
      )
      method.dispose()
      backbone.dispose()
      return sizes
    }
    expect(inputsOf(small())).toEqual([64, 32 + 3])
    expect(inputsOf(convolving())).toEqual([32 + 3, 32 + 3])
  })

  test('BiGAN’s fully connected networks have normalisations without scale and shift, as in the authors’ code', () => {
    const learned = (backbone: LayersModel) => {
      const method = bigan(backbone, { latent: 3, width: 2 })
      const counts = Object.entries(method.networks).map(([name, { trainableWeights }]) => [
        name,
        trainableWeights.filter(({ originalName }) => /gamma|beta/.test(originalName)).length > 0,
      ])
      method.dispose()
      backbone.dispose()
      return Object.fromEntries(counts)
    }
    const none = { backbone: false, encoder: false, generator: false, discriminator: false }
    expect(learned(small())).toEqual(none)
    expect(learned(convolving())).toEqual({ ...none, generator: true, discriminator: true })
  })

  test('a generator of identical images has no spread, and its discriminator soon rejects them', () => {
    const backbone = convolving()
    const method = gan(backbone, { latent: 3, width: 2 })
    tf.tidy(() => {
      for (const weight of variables(method.networks.generator!)) weight.assign(tf.zerosLike(weight))
      const { metrics } = lossIn(method, 'discriminator')
      expect(metrics!.sampleSpread!.dataSync()[0]).toBeLessThan(1e-4)
      const shown = method.generate(tf.zeros([2, 3]))
      expect(shown.dataSync()[0]).toBeCloseTo(0.5, 5)
    })
    expect(method.alarms!.map(({ metric, name }) => `${name}: ${metric}`)).toEqual([
      'collapse: discriminator/sampleSpread',
      'narrowness: discriminator/sampleSpread',
      'divergence: generator/loss',
    ])
    method.dispose()
    backbone.dispose()
  })
})

test('invalid options are rejected when the method is created', () => {
  const odd = fullyConnected({ size: 30, channels: 1, widths: [4] })
  expect(() => vae(odd, { latent: 0 })).toThrow(
    "vae's option latent must be a whole number of at least 1; got 0",
  )
  expect(() => bigan(odd, { latent: 0 })).toThrow("bigan's option latent")
  expect(() => gan(odd, { latent: 0 })).toThrow("gan's option latent")
  for (const make of [vae, gan, bigan]) {
    expect(() => make(odd, { networks: 'convolutional' })).toThrow(
      'strided convolutions need a size of 4 to 7 times a power of 2; got 30 pixels',
    )
  }
  expect(() => gan(odd, { r1: -1 })).toThrow("gan's option r1 must be a number of at least 0; got -1")
  expect(() => vae(odd, { likelihood: 'poisson' } as object)).toThrow('one of bernoulli, gaussian')
  odd.dispose()
})

test('backboneInput selects layer normalisation for a discriminator with a penalty', () => {
  const shape = { size: 28, channels: 1 }
  const input = (r1: number) => ganDefinition.backboneInput!(shape, resolveOptions(ganDefinition, { r1 }))
  expect(input(0)).toEqual({ ...shape, norm: 'batch' })
  expect(input(1)).toEqual({ ...shape, norm: 'layer' })
  expect([vaeDefinition, biganDefinition].map(({ name }) => name)).toEqual(['vae', 'bigan'])
})
