import type { MethodDefinition } from '@selfsup/core'
import { testMethod } from '../../../tooling/vitest/method-contract.js'
import { definition } from './diet.js'

const counted: MethodDefinition<typeof definition.options> = {
  ...definition,
  create: (backbone, options, context) =>
    definition.create(backbone, options, { ...context, imageCount: 20 }),
}

testMethod(counted as unknown as MethodDefinition, {
  options: { frozen: 0 },
  // With the default, only a fifth of the probability is the image's own.
  learning: { options: { smoothing: 0 } },
  webgpu: true,
})
