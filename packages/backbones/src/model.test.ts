import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { convnextTiny } from './convnext.js'
import { projector } from './heads.js'
import { mobilenetV3Large, mobilenetV3Small } from './mobilenet.js'
import { pooledConvnet } from './pooled-convnet.js'
import { backbones } from './registry.js'
import { resnet18, resnet34 } from './resnet.js'
import { visionTransformer } from './vit.js'
import { wideResnet } from './wide-resnet.js'

describe.each(testEngines())('models on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })

  test.each(['convnet', 'resnet18', 'wide-resnet-28-2'])(
    '%s with layer normalisation sees each image alone, in training as at rest',
    (name) => {
      const model = backbones.find((backbone) => backbone.name === name)!.create({ size: 8, norm: 'layer' })
      tf.tidy(() => {
        const images = tf.randomNormal([2, 8, 8, 3], 0, 1, 'float32', 7)
        const [first, second] = tf.split(model.apply(images, { training: true }) as tf.Tensor2D, 2)
        const alone = model.apply(tf.slice(images, 0, 1), { training: false }) as tf.Tensor
        expect(tf.max(tf.abs(tf.sub(alone, first!))).dataSync()[0]).toBeLessThan(1e-4)
        expect(tf.max(tf.abs(tf.sub(second!, first!))).dataSync()[0]).toBeGreaterThan(1e-3)
      })
      model.dispose()
    },
  )

  test('a pooled ConvNet keeps the maximum of each window', () => {
    const model = pooledConvnet({ size: 7, channels: 1, widths: [2] })
    // One filter returns the pixel, the other its negative; untrained running statistics are mean 0 and variance 1.
    const kernel = new Float32Array(5 * 5 * 2)
    kernel.set([1, -1], 2 * 12)
    model.getLayer('stage1/conv').setWeights([tf.tensor(kernel, [5, 5, 1, 2])])
    tf.tidy(() => {
      const images = tf.reshape(tf.range(-10, 39), [1, 7, 7, 1])
      const features = tf.reshape(model.predict(images) as tf.Tensor, [3, 3, 2])
      const pixel = (row: number, column: number) => 7 * row + column - 10
      const expected = [0, 1, 2].flatMap((row) =>
        [0, 1, 2].flatMap((column) => [
          Math.max(0, pixel(2 * row + 1, 2 * column + 1)),
          Math.max(0, -pixel(2 * row, 2 * column)),
        ]),
      )
      ;[...features.dataSync()].forEach((value, i) => {
        expect(value).toBeCloseTo(expected[i]! / Math.sqrt(1 + 1e-5), 4)
      })
    })
    model.dispose()
    expect(() => pooledConvnet({ size: 6 })).toThrow(
      'pooledConvnet: size must be a whole number of at least 8 pixels; got 6',
    )
    expect(() => pooledConvnet({ size: 32, widths: [] })).toThrow(
      'pooledConvnet: widths must be whole numbers',
    )
  })
})

describe('models, on the fastest engine', () => {
  beforeAll(async () => {
    await prepareEngine({ engine: testEngines()[0]! })
  })

  const named = (name: string, norm: 'batch' | 'layer') => () =>
    backbones.find((backbone) => backbone.name === name)!.create({ size: 32, seed: 3, norm })
  const small = { size: 32, seed: 3 }
  test.each<[string, () => tfl.LayersModel]>([
    ['convnet', named('convnet', 'batch')],
    ['convnet with layer normalisation', named('convnet', 'layer')],
    ['resnet18', named('resnet18', 'batch')],
    ['a vision transformer', () => visionTransformer('vit', small, { width: 24, depth: 2, heads: 3 })],
    ['pooled-convnet', named('pooled-convnet', 'batch')],
    ['fully-connected', named('fully-connected', 'batch')],
    ['dcgan', named('dcgan', 'batch')],
    ['dcgan with layer normalisation', named('dcgan', 'layer')],
    [
      'mobilenet-v3-small',
      () => mobilenetV3Small({ ...small, widths: Array(13).fill(8), expansions: [8, ...Array(10).fill(16)] }),
    ],
    [
      'mobilenet-v3-large with layer normalisation',
      () =>
        mobilenetV3Large({
          ...small,
          norm: 'layer',
          widths: Array(17).fill(8),
          expansions: [8, ...Array(14).fill(16)],
        }),
    ],
    ['convnext-tiny', () => convnextTiny({ ...small, widths: [8, 8, 12, 16], depths: [1, 1, 1, 1] })],
    [
      'a vision transformer with rotary positions',
      () =>
        visionTransformer(
          'vit',
          { ...small, patchSize: 8, registers: 2, layerScale: 0.5, positions: 'rotary' },
          { width: 24, depth: 2, heads: 3 },
        ),
    ],
  ])('%s, saved, is a plain TensorFlow.js model with the same features', async (_, create) => {
    const model = create()
    const images = tf.randomNormal([2, 32, 32, 3], 0, 1, 'float32', 7)
    tf.tidy(() => model.apply(images, { training: true }) as tf.Tensor) // moves the running averages away from their start
    let artifacts: tf.io.ModelArtifacts | undefined
    await model.save(
      tf.io.withSaveHandler(async (saved) => {
        artifacts = saved
        return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(saved) }
      }),
    )
    // Loads with the classes that TensorFlow.js registers, not those of this package.
    const loaded = await tfl.loadLayersModel(
      tf.io.fromMemory({
        modelTopology: JSON.parse(JSON.stringify(artifacts!.modelTopology)),
        weightSpecs: artifacts!.weightSpecs!,
        weightData: artifacts!.weightData!,
      }),
    )
    const ours = tf.tidy(() => (model.predict(images) as tf.Tensor).dataSync())
    const plain = tf.tidy(() => (loaded.predict(images) as tf.Tensor).dataSync())
    plain.forEach((value, i) => {
      expect(value).toBeCloseTo(ours[i]!, 4)
    })
    tf.dispose(images)
    model.dispose()
    loaded.dispose()
  })

  test('weights depend only on the seed', () => {
    const kernels = (seed: number) => {
      const model = wideResnet({ size: 8, depth: 10, width: 4, seed })
      const kernel = model.getLayer('stage2/block1/1/conv').getWeights()[0]!.dataSync<'float32'>()
      model.dispose()
      return kernel
    }
    const [first, again, other] = [kernels(1), kernels(1), kernels(2)]
    expect(Buffer.compare(Buffer.from(first.buffer), Buffer.from(again.buffer))).toBe(0)
    expect(first[0]).not.toBe(other[0])
    const deviation = Math.sqrt(first.reduce((sum, value) => sum + value * value, 0) / first.length)
    expect(deviation).toBeCloseTo(Math.sqrt(2 / (9 * 128)), 3)
  })

  test('ResNet-34 has as many weights as torchvision’s', () => {
    const model = resnet34({ size: 32, stem: 'imagenet' })
    expect(
      model.trainableWeights.reduce((sum, { shape }) => sum + tf.util.sizeFromShape(shape as number[]), 0),
    ).toBe(21_284_672)
    model.dispose()
  })

  // The paper's 36.5 and 1.5 million, without the classifier's 6,410 and 1,290.
  const wide = [
    [28, 2, 1_466_320],
    [28, 10, 36_472_784],
  ] as const
  test.each(wide)('Wide ResNet %i-%i has %i weights', (depth, width, weights) => {
    const model = wideResnet({ size: 8, depth, width })
    const count = model.trainableWeights.reduce(
      (sum, { shape }) => sum + tf.util.sizeFromShape(shape as number[]),
      0,
    )
    expect(count).toBe(weights)
    const features = tf.tidy(
      () => (model.apply(tf.ones([2, 8, 8, 3]), { training: true }) as tf.Tensor).shape,
    )
    expect(features).toEqual([2, 64 * width])
    model.dispose()
  })

  test('a projector has the layers of SimCLR’s', () => {
    const head = projector({ inputs: 8, hidden: 16, outputs: 4, layers: 3 })
    expect(head.layers.map((layer) => layer.name)).toEqual([
      'features',
      '1/linear',
      '1/bn',
      '1/relu',
      '2/linear',
      '2/bn',
      '2/relu',
      '3/linear',
    ])
    expect(head.countParams()).toBe(8 * 16 + 4 * 16 + 16 * 16 + 4 * 16 + 16 * 4 + 4)
    head.dispose()
  })

  test('rejects sizes that are too small', () => {
    expect(() => resnet18({ size: 4 })).toThrow(
      'resnet18: size must be a whole number of at least 8 pixels; got 4',
    )
    expect(() => projector({ inputs: 8, hidden: 8, outputs: 8, layers: 0 })).toThrow('projector: layers')
  })
})
