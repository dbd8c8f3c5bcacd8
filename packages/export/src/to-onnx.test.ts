import {
  backbones,
  convBnRelu,
  convnet,
  convnextTiny,
  convolution,
  dcgan,
  fullyConnected,
  globalAverage,
  initialise,
  mobilenetV3Large,
  mobilenetV3Small,
  normalisation,
  pooledConvnet,
  relu,
  sum,
  through,
  visionTransformer,
  wideResnet,
} from '@selfsup/backbones'
import { uniforms } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'
import * as ort from 'onnxruntime-web'
import { beforeAll, describe, expect, test } from 'vitest'
import { toOnnx } from './index.js'

const statistics = { mean: [0.5, 0.4, 0.3], std: [0.2, 0.25, 0.3] }
const SIZE = 16

beforeAll(async () => {
  await prepareEngine()
  ort.env.wasm.numThreads = 1
})

/** The layers of a ResNet for large images: a strided 7x7 convolution, padded max pooling, a strided block with a shortcut. */
function smallResnet(): tfl.LayersModel {
  const input = tfl.input({ shape: [SIZE, SIZE, 3], name: 'images' })
  const padding: [[number, number], [number, number]] = [
    [1, 1],
    [1, 1],
  ]
  const stem = through(tfl.layers.zeroPadding2d({ padding }), convBnRelu(input, 'stem', 4, 7, 2))
  const pooled = through(tfl.layers.maxPooling2d({ poolSize: 3, strides: 2 }), stem)
  const branch = normalisation(convolution(convBnRelu(pooled, '1', 8, 3, 2), '2/conv', 8, 3), '2/bn')
  const shortcut = normalisation(convolution(pooled, 'shortcut/conv', 8, 1, 2), 'shortcut/bn')
  const outputs = globalAverage(relu(sum(branch, shortcut, 'sum'), 'relu'))
  return initialise(tfl.model({ inputs: input, outputs, name: 'resnet' }), 1, 'he')
}

/** Small networks of each kind in the registry of backbones. `pnpm bench export` checks those of the usual sizes. */
const small: Readonly<Record<string, () => tfl.LayersModel>> = {
  convnet: () => convnet({ size: SIZE, widths: [4, 8] }),
  'pooled-convnet': () => pooledConvnet({ size: SIZE, widths: [4, 8] }),
  'fully-connected': () => fullyConnected({ size: SIZE, widths: [16, 8] }),
  dcgan: () => dcgan({ size: SIZE, width: 4, features: 8 }),
  'wide-resnet-28-2': () => wideResnet({ size: SIZE, depth: 10, width: 1 }),
  resnet18: smallResnet,
  'vit-tiny': () => visionTransformer('vit', { size: SIZE }, { width: 12, depth: 2, heads: 3 }),
  'vit with registers and layer scale': () =>
    visionTransformer(
      'vit',
      { size: SIZE, layerScale: 0.5, registers: 2 },
      { width: 12, depth: 2, heads: 3 },
    ),
  'vit with rotary positions': () =>
    visionTransformer(
      'vit',
      { size: SIZE, layerScale: 0.5, registers: 2, positions: 'rotary' },
      { width: 24, depth: 2, heads: 3 },
    ),
  'mobilenet-v3-small': () =>
    mobilenetV3Small({ size: SIZE, widths: Array(13).fill(8), expansions: [8, ...Array(10).fill(16)] }),
  'mobilenet-v3-large': () =>
    mobilenetV3Large({ size: SIZE, widths: Array(17).fill(8), expansions: [8, ...Array(14).fill(16)] }),
  'convnext-tiny': () => convnextTiny({ size: SIZE, widths: [8, 8, 12, 16], depths: [1, 1, 2, 1] }),
  'convnet with layer normalisation': () => convnet({ size: SIZE, widths: [4, 8], norm: 'layer' }),
}

/** Weights of a trained network: no statistic, scale or shift has its initial value. */
function randomise(model: tfl.LayersModel): tfl.LayersModel {
  for (const [stream, weight] of model.weights.entries()) {
    const variable = weight.read() as tf.Variable
    const name = weight.originalName
    if (/\/(scale\d?|cos|sin|class-token|registers|positions)\/moving_/.test(`/${name}`)) continue
    if (/kernel$|\/(cos|sin)\//.test(name)) continue
    const [from, to] = /moving_variance|gamma/.test(name) ? [0.5, 1.5] : [-0.5, 0.5]
    const values = uniforms([7, stream], variable.size).map((value) => from + (to - from) * value)
    tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)))
  }
  return model
}

const pixels = Uint8Array.from(uniforms([1, 1], 2 * SIZE * SIZE * 3), (value) => Math.floor(256 * value))

/** The features that TensorFlow.js computes. */
function featuresOf(model: tfl.LayersModel): Float32Array {
  return tf.tidy(() => {
    const images = tf.div(tf.tensor4d(pixels, [2, SIZE, SIZE, 3], 'int32'), 255)
    const input = tf.div(tf.sub(images, statistics.mean), statistics.std)
    return (model.apply(input, { training: false }) as tf.Tensor).dataSync().slice() as Float32Array
  })
}

async function runOnnx(bytes: Uint8Array, input: 'uint8' | 'float'): Promise<ort.Tensor> {
  const session = await ort.InferenceSession.create(bytes)
  const images =
    input === 'uint8'
      ? new ort.Tensor('uint8', pixels, [2, SIZE, SIZE, 3])
      : new ort.Tensor('float32', channelsFirst(), [2, 3, SIZE, SIZE])
  const { features } = await session.run({ images })
  await session.release()
  return features!
}

function channelsFirst(): Float32Array {
  return tf.tidy(() => {
    const images = tf.div(tf.tensor4d(pixels, [2, SIZE, SIZE, 3], 'int32'), 255)
    return tf.transpose(images, [0, 3, 1, 2]).dataSync().slice() as Float32Array
  })
}

/** The largest difference, relative to the largest value. */
function difference(got: ArrayLike<number>, wanted: Float32Array): number {
  expect(got.length).toBe(wanted.length)
  const largest = Math.max(...wanted.map(Math.abs))
  expect(largest).toBeGreaterThan(0.01)
  return Math.max(...wanted.map((value, i) => Math.abs(got[i]! - value))) / largest
}

test('the networks of these tests cover every kind of backbone', () => {
  const sizes: Readonly<Record<string, string>> = {
    resnet34: 'resnet18',
    resnet50: 'resnet18',
    'vit-small': 'vit-tiny',
    'vit-base': 'vit-tiny',
    'vit-large': 'vit-tiny',
  }
  for (const { name } of backbones) expect(Object.keys(small)).toContain(sizes[name] ?? name)
})

describe.each(Object.keys(small))('%s', (name) => {
  test('onnxruntime computes the same features', async () => {
    const model = randomise(small[name]!())
    const wanted = featuresOf(model)
    const inputs = name === 'convnet' ? (['uint8', 'float'] as const) : (['uint8'] as const)
    for (const input of inputs) {
      const features = await runOnnx(await toOnnx(model, { input, normalisation: statistics }), input)
      expect(features.dims).toEqual([2, model.outputs[0]!.shape[1]])
      expect(difference(features.data as Float32Array, wanted)).toBeLessThan(1e-5)
    }
    model.dispose()
  })
})

test.each(['vit-tiny', 'vit with rotary positions', 'mobilenet-v3-small'])(
  'a saved and loaded model is written like the original: %s',
  async (name) => {
    const model = randomise(small[name]!())
    const artifacts = await new Promise<tf.io.ModelArtifacts>((resolve, reject) => {
      const handler = tf.io.withSaveHandler(async (made) => {
        resolve(made)
        return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } }
      })
      model.save(handler).catch(reject)
    })
    const loaded = await tfl.loadLayersModel(tf.io.fromMemory(artifacts))
    const [a, b] = await Promise.all(
      [model, loaded].map((one) => toOnnx(one, { input: 'uint8', normalisation: statistics })),
    )
    const runs = await Promise.all([a!, b!].map((bytes) => runOnnx(bytes, 'uint8')))
    expect(difference(runs[1]!.data as Float32Array, runs[0]!.data as Float32Array)).toBeLessThan(1e-6)
    expect(Math.abs(a!.length - b!.length)).toBeLessThan(1000)
    for (const one of [model, loaded]) one.dispose()
  },
)

test('layers of other people’s networks: depthwise convolutions, gates, activations, pooling', async () => {
  const input = tfl.input({ shape: [SIZE, SIZE, 3] })
  const both = (layer: tfl.layers.Layer, ...x: tfl.SymbolicTensor[]) => layer.apply(x) as tfl.SymbolicTensor
  let x = through(
    tfl.layers.conv2d({
      filters: 6,
      kernelSize: 3,
      strides: 2,
      padding: 'same',
      activation: 'relu6' as never,
    }),
    input,
  )
  x = through(
    tfl.layers.depthwiseConv2d({ kernelSize: 3, padding: 'same', depthMultiplier: 2, dilationRate: 1 }),
    x,
  )
  x = through(tfl.layers.batchNormalization(), x)
  x = through(tfl.layers.reLU({ maxValue: 6 }), x)
  const gate = through(
    tfl.layers.reshape({ targetShape: [1, 1, 12] }),
    through(tfl.layers.globalAveragePooling2d({}), x),
  )
  x = both(
    tfl.layers.multiply(),
    x,
    through(tfl.layers.conv2d({ filters: 12, kernelSize: 1, activation: 'hardSigmoid' }), gate),
  )
  x = through(tfl.layers.averagePooling2d({ poolSize: 3, strides: 2, padding: 'same' }), x)
  x = through(tfl.layers.activation({ activation: 'gelu_new' as never }), x)
  x = both(tfl.layers.concatenate({ axis: 3 }), x, through(tfl.layers.activation({ activation: 'swish' }), x))
  x = both(tfl.layers.maximum(), x, through(tfl.layers.elu(), x))
  x = both(tfl.layers.average(), x, through(tfl.layers.activation({ activation: 'tanh' }), x))
  x = through(tfl.layers.dropout({ rate: 0.5 }), through(tfl.layers.globalMaxPooling2d({}), x))
  x = through(tfl.layers.dense({ units: 5, activation: 'softmax' }), x)
  const model = initialise(tfl.model({ inputs: input, outputs: x }), 3, 'default')
  const wanted = featuresOf(model)
  const features = await runOnnx(await toOnnx(model, { input: 'float', normalisation: statistics }), 'float')
  expect(difference(features.data as Float32Array, wanted)).toBeLessThan(1e-5)
  model.dispose()
})

test('refuses what it cannot write, by name', async () => {
  const options = { input: 'uint8', normalisation: statistics } as const
  const input = tfl.input({ shape: [4, 4, 3] })
  const outputs = tfl.layers.upSampling2d({ name: 'larger' }).apply(input) as tfl.SymbolicTensor
  const upsampling = tfl.model({ inputs: input, outputs })
  await expect(toOnnx(upsampling, options)).rejects.toThrow(
    "layer 'larger' can't be written as ONNX: layers of type UpSampling2D are not supported",
  )
  const first = tfl.layers.globalAveragePooling2d({ name: 'pool', dataFormat: 'channelsFirst' })
  const other = tfl.model({ inputs: input, outputs: first.apply(input) as tfl.SymbolicTensor })
  await expect(toOnnx(other, options)).rejects.toThrow(
    "layer 'pool' (GlobalAveragePooling2D) can't be written as ONNX: its data format is channelsFirst",
  )
  const gray = convnet({ size: 8, channels: 1, widths: [4] })
  await expect(toOnnx(gray, options)).rejects.toThrow(
    'toOnnx: the model takes 1 channels, but the normalisation has 3',
  )
  const vector = tfl.sequential({ layers: [tfl.layers.dense({ units: 2, inputShape: [3] })] })
  await expect(toOnnx(vector, options)).rejects.toThrow('must have one input of images of one size')
  for (const model of [gray, vector]) model.dispose()
})
