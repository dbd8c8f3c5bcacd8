import { randomUniform } from '@selfsup/kernels'
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { missingWebgpu } from '../../../../tooling/vitest/webgpu.js'
import { type Engine, prepareEngine } from '../index.js'

const missing = await missingWebgpu()

describe.skipIf(missing)(missing ?? 'recorded steps on WebGPU', () => {
  let engine: Engine
  beforeAll(async () => {
    engine = await prepareEngine({ engine: 'webgpu' })
  })

  /** Uses and frees buffers of all sizes that the steps below use: what belongs to a recorded step must not be among them. */
  const disturb = () =>
    tf.tidy(() => {
      for (const size of [1, 2, 3, 300, 301]) {
        for (let i = 0; i < 6; i++) tf.add(tf.fill([size], 7 + i), 1)
      }
    })

  /** Runs a step three times as it is and compiled, on variables of the same first values, and gives all values seen. */
  function both(
    make: () => {
      variables: Record<string, tf.Variable>
      step: (x: tf.Tensor, seed: tf.Tensor1D) => tf.Tensor[]
      between?: (run: number) => void
    },
  ) {
    const run = (eager: boolean) => {
      const { variables, step, between } = make()
      const compiled = engine.compile(step, { eager })
      const seen: number[][] = []
      for (let i = 0; i < 4; i++) {
        const x = tf.tensor1d(Float32Array.from({ length: 300 }, (_, j) => Math.sin(i + j)))
        const onDevice = i % 2 ? tf.add(x, 0) : tf.clone(x) // arguments on the host and on the device
        const seed = tf.tensor1d([i, 3], 'int32')
        const results = compiled(onDevice, seed)
        disturb()
        seen.push(...results.map((tensor) => [...tensor.dataSync()]))
        seen.push(...Object.values(variables).map((variable) => [...variable.dataSync()]))
        tf.dispose([x, onDevice, seed, results])
        between?.(i)
      }
      const { captures } = compiled
      compiled.dispose()
      tf.dispose(variables)
      return { seen, captures }
    }
    const [plain, compiled] = [run(true), run(false)]
    expect(compiled.seen.length).toBe(plain.seen.length)
    for (const [i, values] of plain.seen.entries()) expect(compiled.seen[i], `values ${i}`).toEqual(values)
    return compiled.captures
  }

  const variable = (values: number | number[]) =>
    tf.tidy(() => tf.variable(typeof values === 'number' ? tf.fill([300], values) : tf.tensor1d(values)))

  test('repeat with new arguments what the step did: constants, random numbers, gradients, assignments', () => {
    const captures = both(() => {
      const w = variable(0.5)
      const constant = tf.tensor1d(Array.from({ length: 300 }, (_, i) => i / 300))
      return {
        variables: { w, constant: constant as tf.Variable },
        step: (x, seed) => {
          const noise = randomUniform([300], seed)
          const scale = tf.tensor1d(Array.from({ length: 300 }, (_, i) => i % 7))
          const loss = () =>
            tf.mean(tf.square(tf.sub(tf.mul(tf.mul(w, scale), x), tf.add(noise, constant)))) as tf.Scalar
          const { value, grads } = tf.variableGrads(loss, [w])
          w.assign(tf.sub(w, tf.mul(grads[w.name]!, 0.1)))
          return [value, tf.neg(noise)]
        },
      }
    })
    expect(captures).toBe(1)
  })

  test('variables change places, share values, and are given others between the runs', () => {
    const captures = both(() => {
      const [a, b, c] = [variable(1), variable(2), variable(3)]
      return {
        variables: { a, b, c },
        step: (x) => {
          const [first, second] = [tf.clone(a), tf.clone(b)]
          a.assign(tf.add(second, x))
          b.assign(first)
          c.assign(b)
          return [first, tf.clone(c)]
        },
        between: (run) => {
          if (run === 1) tf.tidy(() => a.assign(tf.fill([300], 5)))
          if (run === 2) tf.tidy(() => b.assign(a))
        },
      }
    })
    expect(captures).toBe(1)
  })

  test.each<[string, (x: tf.Tensor) => tf.Tensor[]]>([
    ['reads values', (x) => [tf.mul(x, x.dataSync()[1]!)]],
    ['leaves tensors behind', (x) => [tf.neg(tf.keep(tf.add(x, 1)))]],
  ])('a step that %s runs operation by operation', (_, step) => {
    const compiled = engine.compile(step)
    for (const value of [1, 2]) {
      const x = tf.tensor1d([0, value])
      expect(compiled(x)[0]!.dataSync()).toEqual(step(x)[0]!.dataSync())
    }
    expect(compiled.captures).toBe(0)
  })

  test('forms of arguments are recorded one by one, and all buffers are given back', () => {
    const used = () => {
      tf.tidy(() => tf.add(tf.ones([300]), 1).dataSync()) // frees what was disposed of
      return (tf.backend() as unknown as WebGPUBackend).memory().numBytesInGPU
    }
    const w = variable(1)
    const run = (step: (x: tf.Tensor, scale: number) => tf.Tensor, size: number, scale: number) => {
      const x = tf.fill([size], 2)
      const result = step(x, scale)
      expect([...new Set(result.dataSync())]).toEqual([2 * scale])
      tf.dispose([x, result])
    }
    const warm = engine.compile((x: tf.Tensor, scale: number) => tf.mul(tf.mul(x, scale), tf.mean(w)))
    run(warm, 300, 1) // keeps uniform buffers
    warm.dispose()
    const [tensors, bytes] = [tf.memory().numTensors, used()]
    const step = engine.compile((x: tf.Tensor, scale: number) => tf.mul(tf.mul(x, scale), tf.mean(w)))
    for (const size of [300, 301, 300, 301]) run(step, size, 1)
    run(step, 300, 3)
    expect(step.captures).toBe(3)
    expect(used()).toBeGreaterThan(bytes)
    step.dispose()
    expect(tf.memory().numTensors).toBe(tensors)
    expect(used()).toBeLessThan(bytes + 1000) // but for uniform buffers of the other size
    w.dispose()
  })
})
