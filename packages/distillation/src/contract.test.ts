import { convnet } from '@selfsup/backbones'
import type { MethodDefinition } from '@selfsup/core'
import { testMethod } from '../../../tooling/vitest/method-contract.js'
import { definition } from './distillation.js'

/** The method with a teacher of its own: another small network, which takes images of the same channels. */
const taught: MethodDefinition<typeof definition.options> = {
  ...definition,
  create(backbone, options, context) {
    const channels = backbone.inputs[0]!.shape[3]!
    const model = convnet({ size: 8, channels, widths: [6], seed: 9 })
    const normalisation = { mean: Array(channels).fill(0.5), std: Array(channels).fill(0.25) }
    try {
      const teacher = { source: 'a small network', fingerprint: '1', model, normalisation }
      const method = definition.create(backbone, options, { ...context, teacher })
      return {
        ...method,
        dispose() {
          method.dispose()
          model.dispose()
        },
      }
    } catch (error) {
      model.dispose()
      throw error
    }
  },
}

testMethod(taught as unknown as MethodDefinition, {
  options: { queue: 32 },
  // The queue fills with features of the same images, which changes the task; the teacher of the test is not trained.
  learning: { afterUpdate: false, fall: 0.01 },
  conflicts: ['red', 'green', 'blue'],
  webgpu: true,
})
