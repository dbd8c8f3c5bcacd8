import { testMethod } from '../../../tooling/vitest/method-contract.js'
import { jigsawDefinition, relativePatchDefinition, rotationDefinition } from './index.js'

testMethod(rotationDefinition, { options: { hidden: 8 }, webgpu: true })
testMethod(relativePatchDefinition, {
  options: { patch: 5, gap: 2, displacement: 1, pairs: 2, hidden: 8 },
  samples: { patch: [4] },
  conflicts: ['patch', 'gap', 'displacement'],
})
testMethod(jigsawDefinition, {
  options: { tile: 4, permutations: 20, puzzles: 2, tileFeatures: 6, hidden: 8 },
  samples: { tile: [3] },
  conflicts: ['square', 'tile', 'colourShift'],
})
