import { testMethod } from '../../../tooling/vitest/method-contract.js'
import { definition, vicregDefinition } from './index.js'

testMethod(definition, { options: { outputs: 8 }, conflicts: ['outputs'], webgpu: true })
testMethod(vicregDefinition, { options: { outputs: 8 }, conflicts: ['outputs'] })
