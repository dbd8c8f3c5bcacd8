// Shared by the detection and captioning benchmarks: SimCLR on synthetic shapes, two per image, and random weights.
import { keeping } from './keeping.mjs'
import { load, quick } from './packages.mjs'

const { imagenetNormalisation } = await load('augment')
const { convnet, featureMaps } = await load('backbones')
const { trainableWeights } = await load('core')
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

/** A pretrained and a random backbone by name, and the seconds of the pretraining if it was uninterrupted. */
export async function backbonesOf(engine) {
  const [pretrained, random] = [convnet({ size, seed: 1 }), convnet({ size, seed: 1 })]
  const method = simclr(pretrained, {}, { normalisation })
  const unlabelled = shapes({ size, objects, count: quick ? 1000 : 20_000 })
  const { seconds } = await kept.learn('simclr', method, unlabelled, {
    ...recommendedSettings(definition.training(method.options), { epochs: quick ? 1 : 40 }),
    engine,
    seed: 1,
    onEpoch: ({ epoch, loss }) => console.error(`epoch ${epoch + 1} loss ${loss.toFixed(4)}`),
  })
  method.dispose()
  return { backbones: { 'SimCLR weights': pretrained, 'random weights': random }, seconds }
}

/** Wraps a backbone as a network for detectors. */
export function networkOf(backbone) {
  const maps = featureMaps(backbone)
  return {
    apply: (pictures, training) => backbone.apply(pictures, { training }),
    maps: (pictures, training) => maps.apply(pictures, { training }),
    weights: trainableWeights({ backbone }),
    dispose() {},
  }
}

/** Features of the labelled images of a split. */
export const featuresOf = (backbone, part, engine) =>
  extractFeatures(backbone, labelled[part], { normalisation, size, engine })
