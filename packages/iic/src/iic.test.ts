import { convnet } from '@selfsup/backbones'
import { encoderOf, trainableWeights, uniforms } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import * as losses from '@selfsup/losses'
import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { methodEngines, testEngines } from '../../../tooling/vitest/engines.js'
import { definition, type Iic, type IicOptions, iic } from './index.js'

const step = (phase = 'main') => ({
  seed: tf.tensor1d([5, 6], 'int32'),
  progress: tf.scalar(0),
  epoch: tf.scalar(0),
  phase,
})

/** Noise images, each brighter than the one before. */
function images(count: number, channels: 1 | 3 = 1) {
  const size = 20 * 20 * channels
  const values = Int32Array.from(uniforms([1, 2], count * size), (u, i) =>
    Math.floor(u * 56 + (200 * Math.floor(i / size)) / count),
  )
  return {
    images: tf.tensor4d(values, [count, 20, 20, channels], 'int32'),
    labels: tf.fill([count], -1, 'int32') as tf.Tensor1D,
    indices: tf.range(0, count, 1, 'int32'),
  }
}

const few = { clusters: 3, overClusters: 5, subHeads: 2, repeats: 2 } as const
const made = (options: IicOptions = {}, channels = 1, context: Parameters<typeof iic>[2] = {}) =>
  iic(convnet({ size: 16, channels, widths: [4, 8] }), { ...few, ...options }, context)
const free = (method: Iic) => {
  method.networks.backbone.dispose()
  method.dispose()
}

/** Scales the heads' weights. Initially all clusters are almost equally likely and the loss is flat. */
function decide({ networks: { clusters, overClusters } }: Iic): void {
  for (const head of [clusters!, overClusters!]) {
    const kernel = head.weights[0]!.read() as tf.Variable
    tf.tidy(() => kernel.assign(tf.mul(kernel, 200)))
  }
}

describe.each(methodEngines())('iic on %s', (engine) => {
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

  test('the loss is the mean over sub-heads of the loss of all pairs of an image and a copy', () => {
    const method = made({ lambda: 1.5 })
    tf.tidy(() => {
      const head = method.networks.overClusters!
      decide(method)
      const views = method.views(images(6), step('overClusters'))
      const [p, q] = views.map((x) => {
        const features = method.networks.backbone.apply(x, { training: true }) as tf.Tensor
        return tf.softmax(head.apply(features) as tf.Tensor3D)
      }) as [tf.Tensor3D, tf.Tensor3D]
      const ofSubHead = (subHead: number) => {
        const [own, copies] = [p, q].map((x) => tf.unstack(x, 1)[subHead] as tf.Tensor2D)
        return losses.iic(tf.tile(own!, [2, 1]), copies!, { lambda: 1.5 }).dataSync()[0]!
      }
      const { loss, features, metrics } = method.loss(views, step('overClusters'), undefined as never)
      expect(loss.dataSync()[0]).toBeCloseTo((ofSubHead(0) + ofSubHead(1)) / 2, 4)
      expect((features as tf.Tensor).shape).toEqual([6, 8])
      expect(metrics!.information!.dataSync()[0]).toBeCloseTo(-loss.dataSync()[0]!, 5)
    })
    free(method)
  })

  test('hidden and temperature apply in training and in inference mode', () => {
    const method = made({ hidden: 6, temperature: 0.25 })
    tf.tidy(() => {
      const { backbone, projector, clusters } = method.networks
      decide(method)
      expect(clusters!.inputs[0]!.shape).toEqual([null, 6])
      expect(method.phases!.clusters).toEqual(['backbone', 'projector', 'clusters'])
      const assigned = (x: tf.Tensor, training: boolean) => {
        const features = backbone.apply(x, { training }) as tf.Tensor
        const hidden = tf.relu(projector!.apply(features, { training }) as tf.Tensor)
        return tf.softmax(tf.mul(clusters!.apply(hidden) as tf.Tensor, 4)) as tf.Tensor3D
      }
      const views = method.views(images(6), step('clusters'))
      const [p, q] = views.map((x) => assigned(x, true)) as [tf.Tensor3D, tf.Tensor3D]
      const ofPairs = tf.mean(losses.iicOfHeads(tf.tile(p, [2, 1, 1]), q)).dataSync()[0]!
      const { loss, features } = method.loss(views, step('clusters'), undefined as never)
      expect(loss.dataSync()[0]).toBeCloseTo(ofPairs, 4)
      expect((features as tf.Tensor).shape).toEqual([6, 8])

      const [plain, transformed] = views
      const atRest = losses.iicOfHeads(
        tf.tile(assigned(plain, false), [2, 1, 1]),
        assigned(transformed, false),
      )
      const given = method.subHeadLosses(views, 'clusters').dataSync()
      for (const [i, value] of atRest.dataSync().entries()) expect(given[i]).toBeCloseTo(value, 4)
    })
    free(method)
  })

  test('initially all clusters are equally likely, and sub-heads differ', () => {
    const method = made()
    tf.tidy(() => {
      const { clusters, overClusters } = method.networks
      expect(clusters!.outputs[0]!.shape).toEqual([null, 2, 3])
      expect(overClusters!.outputs[0]!.shape).toEqual([null, 2, 5])
      const { metrics } = method.loss(method.views(images(4), step()), step('clusters'), undefined as never)
      expect(metrics!.inUse!.dataSync()[0]).toBeCloseTo(3, 2)
      const kernel = clusters!.weights[0]!.read()
      const deviation = Math.sqrt(tf.mean(tf.square(kernel)).dataSync()[0]!)
      expect(deviation).toBeGreaterThan(0.006)
      expect(deviation).toBeLessThan(0.014)
      const [first, second] = tf.split(kernel, 2, 1)
      expect(tf.max(tf.abs(tf.sub(first!, second!))).dataSync()[0]).toBeGreaterThan(0.001)
    })
    free(method)
  })

  test.each([2, 1])(
    'a few steps on one batch lower the loss of both heads together, with %i sub-heads',
    (subHeads) => {
      const method = made({ heads: 'together', subHeads })
      expect(method.phases).toBeUndefined()
      const weights = Object.values(trainableWeights(method.networks))
      decide(method)
      const losses = tf.tidy(() => {
        const views = method.views(images(12), step())
        return Array.from({ length: 6 }, () => {
          let names: string[] = []
          const { value, grads } = tf.variableGrads(() => {
            const { loss, metrics } = method.loss(views, step(), undefined as never)
            names = Object.keys(metrics!)
            return loss
          }, weights)
          expect(names).toEqual([
            'clusters/information',
            'clusters/inUse',
            'overClusters/information',
            'overClusters/inUse',
          ])
          for (const weight of weights) weight.assign(tf.sub(weight, tf.mul(grads[weight.name]!, 1)))
          return value.dataSync()[0]!
        })
      })
      expect(losses.at(-1)).toBeLessThan(losses[0]! - 0.03)
      free(method)
    },
  )

  test('features and probabilities use the centre crop and inference mode', () => {
    const method = made({ crop: 0.8 })
    expect(method.imageSize).toBe(20)
    tf.tidy(() => {
      const whole = tf.reshape(tf.tensor1d(uniforms([3, 4], 3 * 20 * 20)), [3, 20, 20, 1]) as tf.Tensor4D
      const middle = tf.slice(whole, [0, 2, 2, 0], [3, 16, 16, 1])
      const features = method.networks.backbone.apply(middle, { training: false }) as tf.Tensor2D
      const encoded = encoderOf(method)(whole)
      expect(tf.max(tf.abs(tf.sub(encoded, features))).dataSync()[0]).toBeLessThan(1e-5)
      const p = method.probabilities(whole, 'overClusters')
      expect(p.shape).toEqual([3, 2, 5])
      for (const sum of tf.sum(p, 2).dataSync()) expect(sum).toBeCloseTo(1, 5)
    })
    free(method)
  })

  test('colour images: edges, pixels or both', () => {
    for (const [input, channels] of [
      ['sobel', 2],
      ['both', 5],
      ['pixels', 3],
    ] as const) {
      const shape = definition.backboneInput!({ size: 16, channels: 3 }, { input } as never)
      expect(shape).toEqual({ size: 16, channels })
      const method = made({ input }, channels, { imageShape: { size: 20, channels: 3 } })
      tf.tidy(() => {
        const views = method.views(images(4, 3), step())
        expect(views.map(({ shape }) => shape)).toEqual([
          [4, 16, 16, 3],
          [8, 16, 16, 3],
        ])
        const { loss } = method.loss(views, step('clusters'), undefined as never)
        expect(Number.isFinite(loss.dataSync()[0])).toBe(true)
      })
      free(method)
    }
  })
})

describe('the method before training', () => {
  beforeAll(async () => {
    await prepareEngine({ engine: testEngines()[0] })
  })

  test('heads alternate epoch by epoch', () => {
    const turns = (options: IicOptions) => {
      const method = made(options)
      const phases = Array.from({ length: 6 }, (_, epoch) => method.phasesAt!({ step: 0, epoch })[0])
      expect(method.comparableLoss).toBe(false)
      expect(method.phases).toEqual({
        clusters: ['backbone', 'clusters'],
        overClusters: ['backbone', 'overClusters'],
      })
      free(method)
      return phases.map((phase) => (phase === 'clusters' ? 'B' : 'A')).join('')
    }
    expect(turns({})).toBe('BBABBA')
    expect(turns({ overFirst: true, clusterEpochs: 1 })).toBe('ABABAB')
  })

  test('auto uses pixels of grey images and edges of colour images, unless the backbone has a different input', () => {
    const options = { input: 'auto' } as never
    expect(definition.backboneInput!({ size: 28, channels: 1 }, options)).toEqual({ size: 28, channels: 1 })
    expect(definition.backboneInput!({ size: 32, channels: 3 }, options)).toEqual({ size: 32, channels: 2 })
    for (const channels of [1, 2, 3, 5]) free(made({}, channels))
  })

  test('overClusters 0 creates a single head', () => {
    const method = made({ overClusters: 0 })
    expect(Object.keys(method.networks)).toEqual(['backbone', 'clusters'])
    expect(method.phases).toBeUndefined()
    tf.tidy(() => {
      expect(() => method.probabilities(tf.zeros([2, 20, 20, 1]), 'overClusters')).toThrow(
        "iic: there is no head 'overClusters', because overClusters is 0",
      )
    })
    free(method)
  })

  test('declares its needs: at most as many classes as clusters, batches of at least two images', () => {
    const method = made()
    expect(method.needs).toEqual({ classes: { max: 3 }, batchSize: { min: 2 } })
    free(method)
  })

  test.each([
    [{ clusters: 1 }, 1, {}, "iic's option clusters must be a whole number of at least 2; got 1"],
    [{ clusters: 6 }, 1, {}, "iic's option overClusters must be 0 or at least clusters (6); got 5"],
    [{ temperature: 0 }, 1, {}, "iic's option temperature must be a number of at least 0.001; got 0"],
    [{ subHeads: 0 }, 1, {}, "iic's option subHeads must be a whole number of at least 1; got 0"],
    [
      { input: 'sobel' },
      3,
      {},
      "iic: for input 'sobel' and images with 1 or 3 channels the backbone's input must have 2 channels; got 3",
    ],
    [
      {},
      4,
      { imageShape: { size: 20, channels: 3 } },
      "iic: for input 'auto' and images with 3 channels the backbone's input must have 2 or 3 or 5 channels; got 4",
    ],
    [{ cluster: 3 }, 1, {}, "did you mean 'clusters'?"],
  ])('rejects %j for %i channels', (options, channels, context, message) => {
    expect(() => made(options as IicOptions, channels, context)).toThrow(message)
  })
})
