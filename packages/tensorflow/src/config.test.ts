import { describe, expect, test } from 'vitest'
import { encodeConfig } from './config.js'

/** Expected values: serialized by the Python classes of TensorFlow 2.21 (config_pb2). */
describe('encodeConfig', () => {
  test.each([
    [{}, ''],
    [{ threads: 2, operations: 300 }, '100228ac02'],
    [{ memoryGrowth: true }, '32022001'],
    [{ memoryGrowth: true, softPlacement: true }, '320220013801'],
    [{ threads: 2, operations: 300, memoryGrowth: true }, '100228ac0232022001'],
  ])('%o', (config, hex) => {
    expect(Buffer.from(encodeConfig(config)).toString('hex')).toBe(hex)
  })
})
