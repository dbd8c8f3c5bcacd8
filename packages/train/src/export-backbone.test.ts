import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { type LayersModel, loadLayersModel } from '@tensorflow/tfjs-layers'
import { expect, test } from 'vitest'
import { exportBackbone } from './export-backbone.js'
import { tinyMethod } from './fixtures/tiny.js'

test('an exported backbone can be loaded by TensorFlow.js and computes the same features', async () => {
  await prepareEngine({ engine: 'wasm' })
  const folder = await mkdtemp(join(tmpdir(), 'selfsup-export-'))
  const method = tinyMethod()
  const before = tf.memory().numTensors
  await exportBackbone(method.networks.backbone, join(folder, 'backbone'))
  await exportBackbone(method.networks.backbone, join(folder, 'backbone'))
  expect(tf.memory().numTensors).toBe(before)
  expect((await readdir(join(folder, 'backbone'))).sort()).toEqual(['model.json', 'weights.bin'])

  const { weightsManifest, ...about } = JSON.parse(
    await readFile(join(folder, 'backbone', 'model.json'), 'utf8'),
  )
  const weights = await readFile(join(folder, 'backbone', weightsManifest[0].paths[0]))
  const weightData = weights.buffer.slice(
    weights.byteOffset,
    weights.byteOffset + weights.length,
  ) as ArrayBuffer
  const loaded = await loadLayersModel(
    tf.io.fromMemory({ ...about, weightSpecs: weightsManifest[0].weights, weightData }),
  )
  const images = tf.ones([3, 8, 8, 1])
  const features = (model: LayersModel) => tf.tidy(() => (model.predict(images) as tf.Tensor).dataSync())
  expect(features(loaded)).toEqual(features(method.networks.backbone))
  await rm(folder, { recursive: true })
})
