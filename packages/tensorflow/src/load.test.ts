import { spawnSync } from 'node:child_process'
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-layers' // registers the gradients
import { beforeAll, describe, expect, test } from 'vitest'
import { findTensorflow } from './find.js'
import { loadTensorflow } from './load.js'

test('without an installation, the error says how to install', async () => {
  const options = { cacheFolder: '/nowhere', from: '/nowhere' }
  if (findTensorflow(options)) return // a tfjs-node above the root folder
  await expect(loadTensorflow(options)).rejects.toThrow(
    'TensorFlow is not installed on this machine; call installTensorflow() of @selfsup/tensorflow once',
  )
})

describe.runIf(findTensorflow())('the native engine', () => {
  beforeAll(async () => {
    await Promise.all([loadTensorflow(), loadTensorflow()])
    await tf.setBackend('tensorflow')
  })

  test.runIf(findTensorflow()?.source === 'selfsup')('says that its precision is chosen once', async () => {
    const { settings } = await loadTensorflow({ mixedPrecision: 'auto' })
    const [is, other] =
      settings!.mixedPrecision === 'off' ? (['off', 'on'] as const) : (['on', 'off'] as const)
    await expect(loadTensorflow({ mixedPrecision: other })).rejects.toThrow(
      `TensorFlow was started in this process with mixed precision ${is}, which cannot be changed to ${other}; pass`,
    )
    await loadTensorflow({ mixedPrecision: is })
  })

  test('multiplies matrices', () => {
    const product = tf.matMul(tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor2d([5, 6, 7, 8], [2, 2]))
    expect([...product.dataSync()]).toEqual([19, 22, 43, 50])
  })

  test('computes the gradient of a convolution', () => {
    const image = tf.ones([1, 3, 3, 1]) as tf.Tensor4D
    const gradient = tf.grad((filter: tf.Tensor) =>
      tf.sum(tf.conv2d(image, filter as tf.Tensor4D, 1, 'same')),
    )
    const filter = tf.ones([3, 3, 1, 1])
    expect([...gradient(filter).dataSync()]).toEqual([4, 6, 4, 6, 9, 6, 4, 6, 4])
  })

  test('throws errors of TensorFlow as exceptions', () => {
    const backend = tf.backend() as unknown as { executeSingleOutput(...call: unknown[]): unknown }
    expect(() => backend.executeSingleOutput('NoSuchOperation', [], [])).toThrow('NoSuchOperation')
  })

  test.each([
    ['exp of integers', () => tf.exp(tf.tensor1d([0, 0], 'int32')), [1, 1]],
    ['argMax of booleans', () => tf.argMax(tf.tensor1d([0, 1, 0], 'bool')), [1]],
    ['argMin of booleans', () => tf.argMin(tf.tensor1d([1, 1, 0], 'bool')), [2]],
    ['prelu', () => tf.prelu(tf.tensor1d([-2, 3]), tf.tensor1d([0.25, 0.25])), [-0.5, 3]],
    ['topk', () => tf.topk(tf.tensor1d([1, 3, 2]), 2).values, [3, 2]],
  ])('%s', (_, operation, expected) => {
    expect([...tf.tidy(operation).dataSync()]).toEqual(expected)
  })

  test('exp keeps its input and leaks no tensor', () => {
    const before = tf.memory()
    const x = tf.tensor1d([0, 1], 'int32')
    const y = tf.exp(x)
    expect([...x.dataSync()]).toEqual([0, 1])
    tf.dispose([x, y])
    expect(tf.memory().numTensors).toBe(before.numTensors)
    expect(tf.memory().numDataBuffers).toBe(before.numDataBuffers)
  })

  test('writes nothing to standard error while loading', () => {
    const folder = findTensorflow()!.folder
    if (findTensorflow()!.source !== 'selfsup') return
    const script = `
      const addon = require(${JSON.stringify(`${folder}/process.node`)})
      addon.mute()
      const { start, createTensor, define, execute } = require(${JSON.stringify(`${folder}/selfsup.node`)})
      addon.unmute()
      const exchange = new Int32Array(16)
      start(exchange, new Uint8Array(), new Uint8Array())
      exchange[0] = createTensor([1], 1, new Float32Array([1]), true)
      define(0, 'Neg', ['T', 4, 1])
      execute(0, 1, 1)
      process.stderr.write('the end')`
    const { stderr } = spawnSync(process.execPath, ['-e', script], {
      env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3' },
      encoding: 'utf8',
    })
    expect(stderr).toBe('the end')
  })
})
