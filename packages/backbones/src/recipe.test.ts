import { createHash } from 'node:crypto'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { loadLayersModel, sequential } from '@tensorflow/tfjs-layers'
import { beforeAll, expect, test } from 'vitest'
import { convnet } from './convnet.js'
import { dcgan } from './dcgan.js'
import { fullyConnected } from './fully-connected.js'
import { pooledConvnet } from './pooled-convnet.js'
import { backboneFromRecipe, recipeOf } from './recipe.js'
import { backbones } from './registry.js'
import { resnet18 } from './resnet.js'
import { vitTiny } from './vit.js'
import { wideResnet } from './wide-resnet.js'

beforeAll(() => prepareEngine({ engine: 'cpu' }))

/** Shapes and hashes: comparing millions of numbers one by one takes minutes. */
const weightsOf = (model: ReturnType<typeof convnet>) =>
  model
    .getWeights()
    .map((weight) => [weight.shape, createHash('sha256').update(weight.dataSync<'float32'>()).digest('hex')])

test.each([
  ['convnet', () => convnet({ size: 8, widths: [4, 6], channels: 2, seed: 5, norm: 'layer' })],
  ['pooled-convnet', () => pooledConvnet({ size: 8, widths: [4], channels: 1, seed: 5 })],
  ['fully-connected', () => fullyConnected({ size: 4, widths: [6, 5], seed: 5 })],
  ['dcgan', () => dcgan({ size: 8, width: 4, features: 6, seed: 5 })],
  ['wide-resnet-28-2', () => wideResnet({ size: 8, depth: 10, width: 1, seed: 5 })],
  ['resnet18', () => resnet18({ size: 32, stem: 'imagenet', zeroInitLastGamma: false, seed: 5 })],
  ['vit-tiny', () => vitTiny({ size: 8, patchSize: 8, freezePatchProjection: true, seed: 5 })],
])('%s is made again from its recipe: the same layers, options and initial weights', (name, make) => {
  const model = make()
  expect(recipeOf(model)?.name).toBe(name)
  // As it is stored.
  const again = backboneFromRecipe(JSON.parse(JSON.stringify(recipeOf(model))))
  expect(again.name).toBe(model.name)
  expect(weightsOf(again)).toEqual(weightsOf(model))
  expect(again.trainableWeights.map(({ shape }) => shape)).toEqual(
    model.trainableWeights.map(({ shape }) => shape),
  )
  const other = backboneFromRecipe(recipeOf(model)!, { seed: 6 })
  expect(weightsOf(other)).not.toEqual(weightsOf(model))
})

test('every backbone of the list has its own recipe and the stated numbers of weights and features', () => {
  // The others are slow to create; the tests of models and torchvision count the weights of ResNets.
  for (const { name, parameters, features, create } of backbones.filter(
    ({ name }) => !/vit-(base|large)|resnet(34|50)|convnext/.test(name),
  )) {
    const model = create({ size: 32 })
    expect(recipeOf(model)?.name).toBe(name)
    const counts = model.trainableWeights.map(({ shape }) => tf.util.sizeFromShape(shape as number[]))
    expect([name, counts.reduce((sum, count) => sum + count)]).toEqual([name, parameters])
    expect([name, model.outputs[0]!.shape]).toEqual([name, [null, features]])
    model.dispose()
  }
}, 300_000)

// Creating them takes a minute.
test('the large vision transformers and ConvNeXt have timm’s numbers of weights, at smaller patches', () => {
  const parametersOf = (wanted: string) => backbones.find(({ name }) => name === wanted)!.parameters
  // Less the classifier, (16 x 16 - 4 x 4) x 3 of each patch and 197 - 65 positions.
  expect(parametersOf('vit-base')).toBe(86_567_656 - 769_000 - (720 + 132) * 768)
  // Less the classifier, and 4 x 4 - 2 x 2 pixels of each patch.
  expect(parametersOf('convnext-tiny')).toBe(28_589_128 - 769_000 - (16 - 4) * 3 * 96)
  expect(parametersOf('vit-large')).toBe(304_326_632 - 1_025_000 - (720 + 132) * 1024)
})

test('a recipe goes with a saved model; a model of someone else has none', async () => {
  const artifacts: tf.io.ModelArtifacts[] = []
  await convnet({ size: 8, widths: [4] }).save(
    tf.io.withSaveHandler(async (saved) => {
      artifacts.push(saved)
      return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } }
    }),
  )
  const loaded = await loadLayersModel(tf.io.fromMemory(artifacts[0]!))
  expect(recipeOf(loaded)).toMatchObject({ name: 'convnet', options: { size: 8, widths: [4] } })
  expect(recipeOf(sequential())).toBeUndefined()
})
