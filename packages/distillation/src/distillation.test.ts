import { convnet } from '@selfsup/backbones'
import { prepareEngine } from '@selfsup/engine'
import * as losses from '@selfsup/losses'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { imageBatch, stepOf } from '../../../tooling/vitest/batches.js'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { testMethod } from '../../../tooling/vitest/method-contract.js'
import { definition, distillation } from './distillation.js'

// What every method must hold: seeds, memory, grey and colour images, options, checkpoints, compiled steps, learning.
testMethod(definition, { options: { outputs: 8 } })

describe.each(testEngines())('distillation on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })

  test('the loss is that of the paper, of the projected features', () => {
    const backbone = convnet({ widths: [4, 8], size: 16 })
    const method = distillation(backbone, { outputs: 8 })
    tf.tidy(() => {
      const views = method.views(imageBatch(4), stepOf())
      const [z1, z2] = views.map((x) => {
        const h = backbone.apply(x, { training: true }) as tf.Tensor
        return method.networks.projector!.apply(h, { training: true })
      }) as [tf.Tensor2D, tf.Tensor2D]
      const { loss } = method.loss(views, stepOf())
      expect(loss.dataSync()[0]).toBeCloseTo(losses.barlowTwins(z1, z2).dataSync()[0]!, 3)
    })
    method.dispose()
    backbone.dispose()
  })
})
