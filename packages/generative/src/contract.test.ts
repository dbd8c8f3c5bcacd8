import { dcgan, visionTransformer } from '@selfsup/backbones'
import { type Method, trainableWeights } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { type MethodSettings, testMethod } from '../../../tooling/vitest/method-contract.js'
import {
  autoencoderDefinition,
  biganDefinition,
  contextEncoderDefinition,
  denoisingDefinition,
  ganDefinition,
  maskedAutoencoderDefinition,
  splitBrainDefinition,
  vaeDefinition,
} from './index.js'

const adversarial: MethodSettings = {
  size: 8,
  backbone: ({ size, channels, norm, seed }) =>
    dcgan({ size, channels: channels as 1 | 3, norm, seed, width: 4, features: 8 }),
  prepare: widen,
  alarmed: ['generator'],
  learning: { fall: 0.02 },
}

testMethod(autoencoderDefinition, { options: { latent: 6, width: 4 }, webgpu: true })
testMethod(denoisingDefinition, { options: { latent: 6, width: 4 } })
testMethod(contextEncoderDefinition, {
  options: { width: 4, latent: 8, discriminatorWidth: 4 },
  conflicts: ['part'],
  learning: { fall: 0.05 },
})
testMethod(splitBrainDefinition, {
  options: { width: 4 },
  channels: [3], // it predicts colours
  collapsed: ['backbone', 'colourBackbone'],
})
testMethod(maskedAutoencoderDefinition, {
  options: { decoderDepth: 1, decoderWidth: 32 },
  backbone: ({ size, channels, seed }) =>
    visionTransformer(
      'vit',
      { size, channels: channels as 1 | 3, patchSize: 4, seed },
      { width: 16, depth: 1, heads: 2 },
    ),
  conflicts: ['masked', 'decoderWidth'],
})
testMethod(vaeDefinition, { options: { latent: 3, width: 2 }, size: 8, learning: { fall: 3 } })
testMethod(ganDefinition, {
  options: { latent: 3, width: 2, r1: 1 },
  ...adversarial,
})
testMethod(biganDefinition, {
  options: { latent: 3, width: 2 },
  ...adversarial,
})

/** Initial weights of deviation 0.02 have almost no effect in such narrow networks. */
function widen({ networks }: Method): void {
  for (const weight of Object.values(trainableWeights(networks)))
    if (weight.rank > 1) tf.tidy(() => weight.assign(tf.mul(weight, 10)))
}
