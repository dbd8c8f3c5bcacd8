import { SelfsupError } from '@selfsup/core'
import type { TensorflowBackend } from '@selfsup/tensorflow'
import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { findEngines } from './find-engines.js'
import { type Engine, prepareEngine } from './index.js'
import { installFastestEngine } from './install-fastest-engine.js'
import { loadTensorflowPackage } from './peers.js'

vi.mock('./peers.js', async (original) => {
  const peers = await original<typeof import('./peers.js')>()
  return { ...peers, loadTensorflowPackage: vi.fn(peers.loadTensorflowPackage) }
})

describe.each([...testEngines(), 'cpu'] as const)('%s', (name) => {
  let engine: Engine

  beforeAll(async () => {
    engine = await prepareEngine({ engine: name, threads: 2 })
  })

  test('is the current backend and describes itself', () => {
    expect(tf.getBackend()).toBe(name)
    expect(engine.name).toBe(name)
    expect(engine.missing).toEqual([])
    expect(engine.description).toMatch(name === 'cpu' ? /1 thread$/ : /2 threads$/)
  })

  test('computes with gradients', () => {
    const gradient = tf.tidy(() =>
      tf
        .grad((x: tf.Tensor) => tf.sum(tf.square(x)))(tf.tensor1d([1, 2]))
        .dataSync(),
    )
    expect([...gradient]).toEqual([2, 4])
  })

  test('a large product is correct with threads', () => {
    const error = tf.tidy(() => {
      const a = tf.reshape(tf.mod(tf.range(0, 96 * 128), 7), [96, 128])
      const product = tf.matMul(a, a, false, true)
      const slow = tf.sum(tf.mul(tf.expandDims(a, 1), tf.expandDims(a, 0)), 2)
      return tf.max(tf.abs(tf.sub(product, slow))).dataSync()[0]
    })
    expect(error).toBe(0)
  })

  test('a compiled step returns the same and frees intermediate tensors', () => {
    const step = engine.compile((x: tf.Tensor, scale: tf.Tensor) => ({ y: tf.mul(tf.add(x, 1), scale) }))
    const x = tf.tensor1d([1, 2])
    const scale = tf.scalar(3)
    const before = engine.memory().tensors
    const { y } = step(x, scale)
    expect([...y.dataSync()]).toEqual([6, 9])
    expect(engine.memory().tensors).toBe(before + 1)
    tf.dispose([x, scale, y])
  })

  test('can be prepared again', async () => {
    expect(await prepareEngine({ engine: name })).toMatchObject({ name })
  })
})

describe('auto', () => {
  afterEach(() => {
    delete process.env.SELFSUP_ENGINE
  })

  test('selects the fastest available engine', async () => {
    delete process.env.SELFSUP_ENGINE
    const fastest = (await findEngines()).find((engine) => engine.available)
    expect((await prepareEngine()).name).toBe(fastest?.name)
  })

  test('follows SELFSUP_ENGINE', async () => {
    process.env.SELFSUP_ENGINE = 'wasm'
    expect((await prepareEngine({ engine: 'auto' })).name).toBe('wasm')
    process.env.SELFSUP_ENGINE = 'abacus'
    await expect(prepareEngine()).rejects.toThrow(
      'engine must be one of tensorflow, webgpu, wasm, cpu, auto; got abacus',
    )
  })

  test('falls back and reports what is missing and how to fix it', async () => {
    const missing = new SelfsupError('TensorFlow is not installed on this machine', {
      code: 'engine-missing',
      fix: 'install it',
    })
    vi.mocked(loadTensorflowPackage).mockRejectedValue(missing)
    const engine = await prepareEngine({ engine: 'auto' })
    expect(engine.name).toBe('wasm')
    expect(engine.missing).toEqual([
      {
        name: 'tensorflow',
        title: 'native TensorFlow',
        reason: 'TensorFlow is not installed on this machine',
        code: 'engine-missing',
        fix: 'install it',
      },
    ])
    const [native] = (await findEngines()).filter(({ name }) => name === 'tensorflow')
    expect(native).toMatchObject({ available: false, code: 'engine-missing', fix: 'install it' })
    await expect(prepareEngine({ engine: 'tensorflow' })).rejects.toBe(missing)
    expect(await installFastestEngine()).toEqual({
      name: 'wasm',
      fastest: false,
      message: `the WebAssembly engine is used, slower than native TensorFlow: TensorFlow is not installed on this machine`,
      code: 'engine-missing',
      fix: 'install it',
    })
    vi.mocked(loadTensorflowPackage).mockReset()
  })
})

test.runIf(testEngines().includes('tensorflow'))('a GPU that computes wrong values is not used', async () => {
  await prepareEngine({ engine: 'tensorflow' })
  const backend = tf.backend() as TensorflowBackend
  const { isUsingGpuDevice } = backend
  const execute = backend.executeMultipleOutputs.bind(backend)
  Object.assign(backend, {
    isUsingGpuDevice: true,
    executeMultipleOutputs: (...args: Parameters<typeof execute>) =>
      execute(...args).map((result) => (args[0] === 'Conv2D' ? tf.mul(result, Number.NaN) : result)),
  })
  try {
    await expect(prepareEngine({ engine: 'tensorflow' })).rejects.toMatchObject({
      code: 'engine-broken',
      message: expect.stringContaining('a convolution returned NaN'),
    })
    const engine = await prepareEngine({ engine: 'auto' })
    expect(engine.name).not.toBe('tensorflow')
    expect(engine.missing[0]).toMatchObject({ name: 'tensorflow', code: 'engine-broken' })
  } finally {
    Object.assign(backend, { isUsingGpuDevice, executeMultipleOutputs: execute })
  }
})
