import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { convnet, mobilenetV3Small, resnet18 } from '@selfsup/backbones'
import {
  addModelNotes,
  automaticReading,
  type ImageReading,
  type Method,
  type Normalisation,
  readModelNotes,
} from '@selfsup/core'
import { shapes } from '@selfsup/data'
import { type Engine, prepareEngine } from '@selfsup/engine'
import { metricLearning } from '@selfsup/metric-learning'
import { simclr } from '@selfsup/simclr'
import { exportBackbone, readSafetensors, train } from '@selfsup/train'
import * as tf from '@tensorflow/tfjs-core'
import { input as inputOf, layers, model as modelOf, type SymbolicTensor } from '@tensorflow/tfjs-layers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { exportModel, openExportedModel, openModel, openRun } from './index.js'

let engine: Engine
let folder: string
let run: string
const normalisation: Normalisation = { mean: [0.1, 0.2, 0.3], std: [0.9, 0.8, 0.7] }
const images = shapes({ size: 8, count: 16 })

beforeAll(async () => {
  engine = await prepareEngine({ engine: 'wasm' })
  folder = await mkdtemp(join(tmpdir(), 'selfsup-export-'))
  run = await trained('run', (backbone) => simclr(backbone, { outputs: 4 }, { normalisation }))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function trained(
  name: string,
  make: (backbone: Method['networks']['backbone']) => Method,
  backbone = convnet({ size: 8, widths: [4, 6] }),
): Promise<string> {
  const out = join(folder, name)
  const method = make(backbone)
  await train(method, images, { out, engine, epochs: 1, batchSize: 8, learningRate: 0.01 })
  method.dispose()
  backbone.dispose()
  return out
}

test('ONNX and safetensors hold the weights of the newest checkpoint, and the preprocessing', async () => {
  const before = tf.memory().numTensors
  const preprocessing = { size: 8, channels: 3, normalisation }
  const onnx = join(folder, 'a.onnx')
  expect(await exportModel({ model: run, format: 'onnx', out: onnx })).toMatchObject({
    features: 6,
    preprocessing,
  })
  // A .onnx file starts with the number of the IR version, field 1.
  const bytes = await readFile(onnx)
  expect([...bytes.subarray(0, 2)]).toEqual([0x08, 8])
  expect(bytes.includes(JSON.stringify(normalisation))).toBe(true)

  const torch = join(folder, 'a.safetensors')
  const made = await exportModel({ model: join(run, 'backbone'), format: 'safetensors', out: torch })
  expect(made.names).toBe('own')
  const { tensors, metadata } = await readSafetensors(torch)
  expect(JSON.parse(metadata.selfsup!)).toMatchObject(preprocessing)
  const opened = await openRun(run)
  const beta = opened.backbone.getLayer('stage2/bn').getWeights()[1]!.dataSync()
  expect(tensors['stage2.bn.bias']!.values).toEqual(beta)
  opened.dispose()
  expect(tf.memory().numTensors).toBe(before)
})

test.each([
  ['resnet18', () => resnet18({ size: 16, widths: [4, 4, 6, 6] })],
  ['mobilenet-v3-small', () => mobilenetV3Small({ size: 16 })],
] as const)(
  'safetensors of a %s for small images opens again, with its preprocessing',
  async (name, make) => {
    const reading: ImageReading = { ...automaticReading, bands: [2, 1, 0] }
    const preprocessing = { size: 16, channels: 3, normalisation, reading }
    const model = make()
    const x = tf.randomUniform([2, 16, 16, 3], 0, 1, 'float32', 3)
    const wanted = (model.predict(x) as tf.Tensor).dataSync()
    await exportBackbone(addModelNotes(model, { preprocessing, complete: true }), join(folder, name))
    model.dispose()
    const out = join(folder, `${name}.safetensors`)
    await exportModel({ model: join(folder, name), format: 'safetensors', out })
    const opened = (await openModel(out))!
    expect(opened).toMatchObject({ normalisation })
    const notes = readModelNotes(opened.model).preprocessing
    expect(notes).toEqual(preprocessing)
    const values = (opened.model.predict(x) as tf.Tensor).dataSync()
    values.forEach((value, i) => {
      expect(value).toBeCloseTo(wanted[i]!, 5)
    })
    opened.dispose()
  },
)

test('tfjs writes a model that opens again, with its preprocessing', async () => {
  const out = join(folder, 'web')
  await exportModel({ model: run, format: 'tfjs', out })
  expect((await readdir(out)).sort()).toEqual(['model.json', 'weights.bin'])
  const opened = await openExportedModel(out)
  expect(readModelNotes(opened.model).preprocessing).toEqual({ size: 8, channels: 3, normalisation })
  opened.dispose()
})

test('tfjs keeps how image files were read', async () => {
  const reading: ImageReading = { ...automaticReading, bands: [3, 2, 1] }
  const model = convnet({ size: 8, widths: [4] })
  const [from, to] = [join(folder, 'with-reading'), join(folder, 'exported-again')]
  const preprocessing = { size: 8, channels: 3, normalisation, reading }
  await exportBackbone(addModelNotes(model, { preprocessing, complete: false }), from)
  model.dispose()
  expect(
    (await exportModel({ model: from, format: 'tfjs', out: to, backboneOnly: true })).preprocessing,
  ).toEqual(preprocessing)
  const opened = await openExportedModel(to)
  expect(opened.reading).toEqual(reading)
  expect(readModelNotes(opened.model).complete).toBe(false)
  opened.dispose()
})

test('refuses, before anything is written, what would not have the features of `embed`', async () => {
  const metric = await trained('metric', (backbone) =>
    metricLearning(backbone, { outputs: 4 }, { normalisation }),
  )
  const out = join(folder, 'metric.onnx')
  await expect(exportModel({ model: metric, format: 'onnx', out })).rejects.toThrow(
    'computes the features from more than the output of the backbone',
  )
  await expect(exportModel({ model: join(metric, 'backbone'), format: 'onnx', out })).rejects.toThrow(
    'computes the features from more',
  )
  expect(await exportModel({ model: metric, format: 'onnx', out, backboneOnly: true })).toMatchObject({
    features: 6,
  })
})

test('an unsupported layer and unsuitable names leave nothing behind', async () => {
  const input = inputOf({ shape: [8, 8, 3] })
  const up = layers.upSampling2d({ name: 'larger' }).apply(input)
  const outputs = layers
    .globalAveragePooling2d({})
    .apply(layers.conv2d({ filters: 2, kernelSize: 1 }).apply(up))
  const own = modelOf({ inputs: input, outputs: outputs as SymbolicTensor })
  const other = await trained('own', (backbone) => simclr(backbone, { outputs: 4 }, { normalisation }), own)
  const out = join(folder, 'exports', 'b.onnx')
  await mkdir(join(folder, 'exports'))
  await expect(exportModel({ model: other, format: 'onnx', out })).rejects.toThrow(
    "layer 'larger' can't be written as ONNX: layers of type UpSampling2D are not supported",
  )
  await expect(
    exportModel({ model: run, format: 'onnx', out: join(folder, 'exports', 'b.txt') }),
  ).rejects.toThrow('the file must end in .onnx')
  await expect(exportModel({ model: run, format: 'tfjs', out: join(run, 'config.json') })).rejects.toThrow(
    'is a file; a tfjs model is a folder',
  )
  await expect(exportModel({ model: join(folder, 'none'), format: 'onnx', out })).rejects.toThrow(
    'holds no run',
  )
  expect(await readdir(join(folder, 'exports'))).toEqual([])
})
