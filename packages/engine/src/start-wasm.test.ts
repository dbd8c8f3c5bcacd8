import os from 'node:os'
import workerThreads from 'node:worker_threads'
import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import { startWasm } from './start-wasm.js'

const environment = () => ({
  names: Object.getOwnPropertyNames(globalThis),
  values: [globalThis.Blob, URL.createObjectURL, workerThreads.Worker, os.cpus],
  listeners: [process.listenerCount('uncaughtException'), process.listenerCount('unhandledRejection')],
})

test('WebAssembly starts threads in Node and restores globals', async () => {
  const wasm = await import('@tensorflow/tfjs-backend-wasm')
  const before = environment()
  expect(await startWasm(wasm, 3)).toBe(3)
  expect(environment()).toEqual(before)
  const x = tf.range(0, 64 * 64)
  const square = tf.reshape(x, [64, 64])
  expect(tf.sum(tf.matMul(square, tf.eye(64))).dataSync()[0]).toBe(tf.sum(x).dataSync()[0])
})
