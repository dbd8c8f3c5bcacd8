import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { missingWebgpu } from '../../../../tooling/vitest/webgpu.js'
import { type Engine, findEngines, prepareEngine } from '../index.js'
import { guard } from './guard.js'

const missing = await missingWebgpu()

const device = () => (tf.backend() as unknown as WebGPUBackend).device

describe.skipIf(missing)(missing ?? 'WebGPU', () => {
  let engine: Engine
  beforeAll(async () => {
    engine = await prepareEngine({ engine: 'webgpu' })
  })

  test('describes itself and its adapter', async () => {
    expect(engine).toMatchObject({ name: 'webgpu', precision: 'float32', missing: [] })
    const found = await findEngines()
    const { adapter } = found.find(({ name }) => name === 'webgpu')!
    expect(engine.description).toContain(adapter!.name)
    expect(adapter!.limits.maxBufferSize).toBeGreaterThan(2 ** 27)
    const order = found.map(({ name }) => name)
    expect(order.indexOf('webgpu') > order.indexOf('cpu')).toBe(adapter!.software)
  })

  test('globals are those that TensorFlow.js looks up, and navigator stays Node’s', () => {
    expect(GPUBufferUsage.STORAGE).toBe(128)
    expect((globalThis as { navigator?: object }).navigator ?? {}).not.toHaveProperty('gpu')
  })

  test('tensors are read at once, of all types', () => {
    tf.tidy(() => {
      const x = tf.range(0, 2000)
      expect([...tf.add(x, 1).dataSync().slice(-2)]).toEqual([1999, 2000])
      expect([...tf.cast(x, 'int32').dataSync().slice(-2)]).toEqual([1998, 1999])
      expect(tf.greater(x, 1997.5).dataSync().slice(-3)).toEqual(Uint8Array.from([0, 1, 1]))
    })
  })

  test('a tensor can be disposed of while its values are read', async () => {
    const sum = tf.add(tf.range(0, 2000), 1)
    const readings = [sum.data(), sum.data()]
    sum.dispose()
    for (const values of await Promise.all(readings)) expect(values[1999]).toBe(2000)
  })

  /** Runs a program whose WGSL stores an integer where the result's type needs a float. */
  const invalid = () =>
    (tf.backend() as unknown as WebGPUBackend).runWebGPUProgram(
      {
        variableNames: ['x'],
        outputShape: [4],
        shaderKey: 'invalid',
        dispatchLayout: { x: [0] },
        dispatch: [1, 1, 1],
        workgroupSize: [64, 1, 1],
        getUserCode: () => 'fn main(i: i32) { result[i] = 1i; }',
      } as unknown as Parameters<WebGPUBackend['runWebGPUProgram']>[0],
      [tf.zeros([4])],
      'float32',
    )

  test('an invalid program is an exception, each time, and what was computed before stays valid', () => {
    tf.tidy(() => {
      const before = tf.add(tf.range(0, 2000), 1)
      for (let time = 0; time < 2; time++) {
        expect(invalid).toThrow(expect.objectContaining({ code: 'device-error' }))
        expect(invalid).toThrow(/cannot assign 'i32' to 'f32'/)
      }
      expect(before.dataSync()[1999]).toBe(2000)
      expect(tf.mul(before, 2).dataSync()[1999]).toBe(4000)
    })
  })

  test('an error of the queue is an exception of the next reading', async () => {
    const sum = tf.add(tf.range(0, 2000), 1)
    const { queue } = device()
    const small = device().createBuffer({ size: 4, usage: GPUBufferUsage.COPY_DST })
    queue.writeBuffer(small, 0, new Uint32Array(2))
    await expect(sum.data()).rejects.toMatchObject({ code: 'device-error' })
    sum.dispose()
    // Commands were lost with it, so that nothing is read as if it were valid.
    expect(() => tf.add(tf.range(0, 2000), 1).dataSync()).toThrow('not valid after an earlier error')
    await prepareEngine({ engine: 'webgpu' })
    expect(tf.add(tf.range(0, 2000), 1).dataSync()[1999]).toBe(2000)
  })

  test('a tensor beyond the device’s limits is an error that names the limit', () => {
    const side = Math.ceil(Math.sqrt(device().limits.maxBufferSize / 4)) + 1
    tf.tidy(() => {
      const [column, row] = [tf.ones([side, 1]), tf.ones([1, side])]
      expect(() => tf.matMul(column, row)).toThrow(
        expect.objectContaining({ code: 'device-limit', message: expect.stringContaining('maxBufferSize') }),
      )
    })
  })

  test('so is a tensor that fits into a buffer, but not into the part of one that a program can use', () => {
    const made: number[] = []
    const limits = { maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: 2 ** 27 }
    const bufferManager = { acquireBuffer: (size: number) => made.push(size) }
    const failures = { check() {}, checkCommands() {}, broken: false }
    guard({ bufferManager, device: { limits } } as unknown as WebGPUBackend, failures)
    const acquire = bufferManager.acquireBuffer as (size: number, usage: number) => void
    acquire(2 ** 27, GPUBufferUsage.STORAGE)
    acquire(2 ** 27 + 4, GPUBufferUsage.COPY_DST)
    expect(() => acquire(2 ** 27 + 4, GPUBufferUsage.STORAGE)).toThrow(
      "a tensor of 129 MiB is beyond the WebGPU device's maxStorageBufferBindingSize of 128 MiB",
    )
    expect(() => acquire(2 ** 28 + 4, GPUBufferUsage.COPY_DST)).toThrow('maxBufferSize of 256 MiB')
    expect(made).toHaveLength(2)
  })

  test('a compiled step leaves no tensors', () => {
    const step = engine.compile((x: tf.Tensor) => tf.sum(tf.square(x)))
    const x = tf.range(0, 2000)
    const before = tf.memory().numTensors
    for (let i = 0; i < 3; i++) step(x).dispose()
    expect(tf.memory().numTensors).toBe(before)
    x.dispose()
  })

  test('a lost device is an error with a code, and the engine can be prepared again', async () => {
    const lost = tf.backend()
    const sum = tf.add(tf.range(0, 2000), 1)
    device().destroy()
    await expect(sum.data()).rejects.toMatchObject({ code: 'device-lost' })
    expect(() => tf.add(sum, 1)).toThrow(expect.objectContaining({ code: 'device-lost' }))
    await prepareEngine({ engine: 'webgpu' })
    expect(tf.backend()).not.toBe(lost)
    expect(tf.add(tf.range(0, 2000), 1).dataSync()[1999]).toBe(2000)
  })
})
