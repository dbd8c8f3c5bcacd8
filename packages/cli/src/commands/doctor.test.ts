import { expect, test } from 'vitest'
import { describeSteps, nodeAdvice } from './doctor.js'

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
