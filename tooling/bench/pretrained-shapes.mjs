/** @import { Tensor2D, Tensor4D } from '@tensorflow/tfjs-core' */
/** @import { LayersModel } from '@tensorflow/tfjs-layers' */
/** @import { Engine } from '@selfsup/engine' */
// Shared by the detection and captioning benchmarks: SimCLR on synthetic shapes, two per image, and random weights.
import { keeping } from './keeping.mjs'
import { load, quick } from './packages.mjs'

const { imagenetNormalisation } = await load('augment')
const { convnet, featureMaps } = await load('backbones')
const { resolveOptions, trainableWeights } = await load('core')
const { shapes } = await load('data')
const { extractFeatures } = await load('evaluation')
const { definition, simclr } = await load('simclr')
const { recommendedSettings } = await load('train')

export const size = 32
export const normalisation = imagenetNormalisation
const objects = 2
export const labelled = {
  train: shapes({ size, objects, seed: 2, count: quick ? 500 : 4000 }),
  test: shapes({ size, objects, seed: 2, split: 'test', count: quick ? 200 : 1000 }),
}

/** Saved pretraining and results. */
export const kept = keeping(`bench-shapes/${quick ? 'quick' : 'full'}`)

/**
 * A pretrained and a random backbone by name, and the seconds of the pretraining if it was uninterrupted.
 * @param {Engine} engine
 */
export async function backbonesOf(engine) {
  const [pretrained, random] = [convnet({ size, seed: 1 }), convnet({ size, seed: 1 })]
  const method = simclr(pretrained, {}, { normalisation })
  const unlabelled = shapes({ size, objects, count: quick ? 1000 : 20_000 })
  const { seconds } = await kept.learn('simclr', method, unlabelled, {
    ...recommendedSettings(definition.training(resolveOptions(definition, {})), { epochs: quick ? 1 : 40 }),
    engine,
    seed: 1,
    onEpoch: ({ epoch, loss }) => console.error(`epoch ${epoch + 1} loss ${loss.toFixed(4)}`),
  })
  method.dispose()
  return { backbones: { 'SimCLR weights': pretrained, 'random weights': random }, seconds }
}

/** Names of the compared backbones. */
export const compared = /** @type {const} */ (['SimCLR weights', 'random weights'])

/**
 * Adapts a backbone to what the detectors expect.
 * @param {LayersModel} backbone
 */
export function networkOf(backbone) {
  const maps = featureMaps(backbone)
  if (!maps) throw new Error('the backbone has no feature maps')
  return {
    /** @type {(images: Tensor4D, training: boolean) => Tensor2D} */
    apply: (images, training) => /** @type {Tensor2D} */ (backbone.apply(images, { training })),
    /** @type {(images: Tensor4D, training: boolean) => [Tensor4D, Tensor4D]} */
    maps: (images, training) => /** @type {[Tensor4D, Tensor4D]} */ (maps.apply(images, { training })),
    weights: trainableWeights({ backbone }),
    dispose() {},
  }
}

/**
 * Features of the labelled images of a split.
 * @param {LayersModel} backbone
 * @param {'train' | 'test'} part
 * @param {Engine} engine
 */
export const featuresOf = (backbone, part, engine) =>
  extractFeatures(backbone, labelled[part], { normalisation, size, engine })
