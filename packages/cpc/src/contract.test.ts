import { testMethod } from '../../../tooling/vitest/method-contract.js'
import { definition, seriesDefinition } from './index.js'

testMethod(definition, {
  options: { patch: 4, blocks: 1, width: 8, targets: 8, steps: 3 },
  batchSize: 4,
  samples: { patch: [4] },
  conflicts: ['patch', 'stride', 'steps', 'ignored'],
  learning: { fall: 0.2 },
  webgpu: true,
})
testMethod(seriesDefinition, {
  options: { filters: 8, units: 6, steps: 3, contrasted: 8 },
  randomViews: false,
})
