import { testMethod } from '../../../tooling/vitest/method-contract.js'
import { definition, simsiamDefinition } from './index.js'

testMethod(definition, { options: { outputs: 8, hidden: 8 }, webgpu: true })
testMethod(simsiamDefinition, { options: { outputs: 8, bottleneck: 4 } })
