import { SelfsupError } from '@selfsup/core'
import { expect, test } from 'vitest'
import { checkGpu, describeSteps, nodeAdvice } from './doctor.js'

test.each([
  ['v20.20.2', ''],
  ['v22.23.3', ''],
  ['v24.1.0', ''],
  ['v18.4.0', ' (too old: Node 20 or newer is needed)'],
  ['v23.1.0', ' (untested; tested versions: 20, 22 and 24)'],
])('nodeAdvice of %s', (version, advice) => {
  expect(nodeAdvice(version)).toBe(advice)
})

const steps = {
  compiled: true,
  xla: false,
  mixedPrecision: 'off' as const,
  fastInBfloat16: false,
  threads: 2,
  operations: 2,
  oneDnn: true,
  gpu: false,
}

test.each([
  [
    steps,
    'on the processor; compiled; without XLA; mixed precision off (no AMX, AVX512-BF16 or GPU); 2 threads per operation, 2 operations at a time; oneDNN on',
  ],
  [
    { ...steps, mixedPrecision: 'bfloat16' as const, xla: true, oneDnn: false },
    'on the processor; compiled; with XLA; mixed precision: products of networks in bfloat16 (emulated: not faster here), everything else in float32; 2 threads per operation, 2 operations at a time; oneDNN off',
  ],
  [
    { ...steps, gpu: true, fastInBfloat16: true, xla: 'auto' as const },
    'on the GPU; compiled; with XLA for steps that are called often; mixed precision off; 2 threads per operation, 2 operations at a time; oneDNN on',
  ],
])('describeSteps %#', (given, line) => {
  expect(describeSteps(given)).toBe(line)
})

test('checkGpu reports why a GPU that would be used cannot be', async () => {
  const broken = new SelfsupError('the GPU computes wrong results: a sum returned NaN instead of 3', {
    code: 'engine-broken',
    fix: 'update the NVIDIA driver',
  })
  expect(await checkGpu({ gpu: true }, () => Promise.reject(broken))).toBe(
    'the GPU computes wrong results: a sum returned NaN instead of 3; update the NVIDIA driver',
  )
  expect(await checkGpu({ gpu: true }, async () => ({ gpu: false }))).toMatch('found no GPU')
  expect(await checkGpu({ gpu: true }, async () => ({ gpu: true }))).toBeUndefined()
  // Without a GPU no engine starts.
  expect(await checkGpu({ gpu: false }, () => Promise.reject(broken))).toBeUndefined()
  expect(await checkGpu(undefined, () => Promise.reject(broken))).toBeUndefined()
})
