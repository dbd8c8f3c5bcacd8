import { testMethod } from '../../../tooling/vitest/method-contract.js'
import { definition } from './metric-learning.js'

testMethod(definition, {
  options: { outputs: 8, labels: 'classes', loss: 'supcon', perClass: 4 },
  webgpu: true,
})
