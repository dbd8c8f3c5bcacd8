import { testMethod } from '../../../tooling/vitest/method-contract.js'
import { definition } from './simclr.js'

testMethod(definition, { options: { outputs: 8 }, webgpu: true })
