import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { TensorflowBackend } from './backend.js'
import { checkDevice, foreignLibraries } from './device-check.js'
import { findTensorflow } from './find.js'
import { loadTensorflow } from './load.js'

const maps = [
  '7f00-7f10 r-xp 00000000 00:2b 1 /cache/tensorflow/tensorflow-cuda/nvidia/cublas/lib/libcublas.so.12',
  '7f10-7f20 r-xp 00000000 00:2b 2 /usr/local/cuda/lib64/libcudnn_ops.so.9.1.0',
  '7f20-7f30 r--p 00000000 00:2b 3 /usr/local/cuda-13.0/lib64/libcudart.so.13.0.96',
  '7f30-7f40 r-xp 00000000 00:2b 3 /usr/local/cuda-13.0/lib64/libcudart.so.13.0.96',
  '7f40-7f50 r-xp 00000000 00:2b 4 /usr/lib/libc.so.6',
].join('\n')
const folder = '/cache/tensorflow/tensorflow-cuda/tensorflow/binding-1'

test('foreignLibraries names libraries from elsewhere, those of another major version first', () => {
  expect(foreignLibraries(folder, maps)).toEqual([
    'libcudart.so.13.0.96 in /usr/local/cuda-13.0/lib64 (TensorFlow needs version 12)',
    'libcudnn_ops.so.9.1.0 in /usr/local/cuda/lib64',
  ])
})

describe.runIf(findTensorflow()?.source === 'selfsup')('checkDevice', () => {
  beforeAll(async () => {
    await loadTensorflow()
    await tf.setBackend('tensorflow')
  })
  afterEach(() => {
    vi.restoreAllMocks()
  })

  test('accepts a device that computes correctly and keeps no tensors', async () => {
    const { numTensors } = tf.memory()
    await checkDevice(folder, () => '')
    expect(tf.memory().numTensors).toBe(numTensors)
  })

  /** Lets one of TensorFlow's operations return its result times a factor. */
  function injure(operation: string, factor: number) {
    const execute = TensorflowBackend.prototype.executeMultipleOutputs
    vi.spyOn(TensorflowBackend.prototype, 'executeMultipleOutputs').mockImplementation(function (
      this: TensorflowBackend,
      name,
      ...rest
    ) {
      const results = execute.call(this, name, ...rest)
      if (name !== operation) return results
      return results.map((result) => tf.mul(result, factor))
    })
  }

  test.each([
    ['Conv2D', 1.1, /a convolution returned/],
    ['Conv2D', Number.NaN, /a convolution returned NaN instead of -?\d+; .* libcudart\.so\.13\.0\.96 in/],
    ['BatchMatMulV2', -1, /a matrix product returned/],
    ['Sum', 0.9, /a sum returned/],
  ])('a wrong %s (times %d) is refused', async (operation, factor, message) => {
    injure(operation, factor)
    await expect(checkDevice(folder, () => maps)).rejects.toThrow(message)
    await expect(checkDevice(folder, () => maps)).rejects.toMatchObject({
      code: 'engine-broken',
      fix: expect.stringContaining('LD_LIBRARY_PATH'),
    })
  })
})
