import { describe, expect, test } from 'vitest'
import { encodeConfig } from './config.js'

/** What TensorFlow's own Python classes of 2.21 (config_pb2, rewriter_config_pb2) serialize. */
describe('encodeConfig', () => {
  test.each([
    [{}, ''],
    [{ threads: 2, operations: 300 }, '100228ac02'],
    [{ memoryGrowth: true }, '32022001'],
    [{ memoryGrowth: true, softPlacement: true }, '320220013801'],
    [{ rewrites: {} }, '52025200'],
    [{ rewrites: { mixedPrecision: 'float16' as const } }, '52055203b80101'],
    [
      {
        threads: 2,
        operations: 300,
        memoryGrowth: true,
        rewrites: { mixedPrecision: 'bfloat16' as const },
      },
      '100228ac023202200152055203f80101',
    ],
  ])('%o', (config, hex) => {
    expect(Buffer.from(encodeConfig(config)).toString('hex')).toBe(hex)
  })
})
