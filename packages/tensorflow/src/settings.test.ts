import { describe, expect, test } from 'vitest'
import {
  configOf,
  type TensorflowEnvironment,
  type TensorflowOptions,
  tensorflowSettings,
} from './settings.js'

const plain: TensorflowEnvironment = { env: {}, arch: 'x64', features: ['avx2'], gpu: false }
const amx = { ...plain, features: ['avx2', 'amx_bf16'] }
const zen = { ...plain, features: ['avx512_bf16'] }
const nvidia = { ...plain, gpu: true }

describe('mixed precision', () => {
  test.each<[string, TensorflowOptions, TensorflowEnvironment, string]>([
    ['is off without bfloat16 instructions', {}, plain, 'off'],
    ['is on with AMX', {}, amx, 'bfloat16'],
    ['is on with AVX512-BF16', {}, zen, 'bfloat16'],
    ['is off by default on GPUs', {}, nvidia, 'off'],
    ['can be turned on without bfloat16 instructions', { mixedPrecision: 'on' }, plain, 'bfloat16'],
    ['can be turned on with a GPU', { mixedPrecision: 'on' }, nvidia, 'bfloat16'],
    ['can be turned on with a GPU, without XLA', { mixedPrecision: 'on', xla: false }, nvidia, 'bfloat16'],
    ['can be turned off', { mixedPrecision: 'off' }, amx, 'off'],
    ['follows the environment variable', {}, { ...amx, env: { SELFSUP_MIXED_PRECISION: 'off' } }, 'off'],
    [
      'prefers the option to the environment variable',
      { mixedPrecision: 'off' },
      { ...amx, env: { SELFSUP_MIXED_PRECISION: 'on' } },
      'off',
    ],
  ])('%s', (_, options, surroundings, expected) => {
    expect(tensorflowSettings(options, surroundings).mixedPrecision).toBe(expected)
  })

  test('bfloat16 is emulated only without bfloat16 instructions', () => {
    const emulated = (surroundings: TensorflowEnvironment) =>
      tensorflowSettings({ mixedPrecision: 'on' }, surroundings).emulated
    expect([plain, amx, zen, nvidia].map(emulated)).toEqual([true, false, false, false])
    expect(tensorflowSettings({ mixedPrecision: 'off' }, plain).emulated).toBe(false)
  })

  test('rejects other values', () => {
    const env = { SELFSUP_MIXED_PRECISION: 'half' }
    expect(() => tensorflowSettings({}, { ...plain, env })).toThrow(
      'mixedPrecision must be auto, on or off; got half',
    )
  })
})

test('threads come from the options, otherwise TensorFlow’s environment, otherwise all processors', () => {
  const env = { TF_NUM_INTRAOP_THREADS: '3', TF_NUM_INTEROP_THREADS: '5' }
  expect(tensorflowSettings({}, { ...plain, env })).toMatchObject({ threads: 3, operations: 5 })
  expect(tensorflowSettings({ threads: 2 }, plain)).toMatchObject({ threads: 2, operations: 1 })
  expect(tensorflowSettings({ threads: 2 }, { ...plain, gpu: true }).operations).toBe(2)
  expect(tensorflowSettings({ operations: 3 }, plain).operations).toBe(3)
})

test('oneDNN, XLA and GPU memory follow the environment', () => {
  expect(tensorflowSettings({}, plain)).toMatchObject({ oneDnn: true, memoryGrowth: true })
  expect(tensorflowSettings({}, plain).xla).toBe(false)
  expect(tensorflowSettings({}, nvidia).xla).toBe('auto')
  for (const [value, xla] of [
    ['1', true],
    ['0', false],
    ['auto', 'auto'],
    ['', false],
  ] as const)
    expect(tensorflowSettings({}, { ...plain, env: { SELFSUP_XLA: value } }).xla).toBe(xla)
  expect(tensorflowSettings({ xla: false }, { ...nvidia, env: { SELFSUP_XLA: '1' } }).xla).toBe(false)
  const env = { TF_ENABLE_ONEDNN_OPTS: '0', SELFSUP_GPU_MEMORY: 'all' }
  expect(tensorflowSettings({}, { ...plain, env })).toMatchObject({ oneDnn: false, memoryGrowth: false })
  expect(tensorflowSettings({}, { ...plain, arch: 'arm64' }).oneDnn).toBe(false)
})

test('configOf serializes all settings', () => {
  const settings = tensorflowSettings({ threads: 2, mixedPrecision: 'on' }, plain)
  expect(Buffer.from(configOf(settings)).toString('hex')).toBe('1002280132022001')
  // Operations without a GPU kernel run on the CPU.
  const onGpu = tensorflowSettings({ threads: 2, mixedPrecision: 'on' }, nvidia)
  expect(Buffer.from(configOf(onGpu)).toString('hex')).toBe('10022802320220013801')
})
