import { testMethod } from '../../../tooling/vitest/method-contract.js'
import { definition } from './moco.js'

testMethod(definition, {
  options: { outputs: 8, hidden: 8, queue: 40, batchGroups: 2 },
  conflicts: ['queue'],
  // The task becomes harder as the queue fills with keys of the same images.
  learning: { afterUpdate: false },
  webgpu: true,
})
testMethod(definition, { options: { version: 'v3', outputs: 8, hidden: 8 }, conflicts: ['queue'] })
