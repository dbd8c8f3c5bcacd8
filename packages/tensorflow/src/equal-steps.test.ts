import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-layers' // registers the gradients
import { beforeAll, describe, expect, test, vi } from 'vitest'
import type { TensorflowBackend } from './backend.js'
import { type CompiledStep, type CompileOptions, compileStep } from './captured-step.js'
import { findTensorflow } from './find.js'
import { loadTensorflow } from './load.js'

type Step = (x: tf.Tensor4D, y: tf.Tensor2D) => tf.Scalar

describe.runIf(findTensorflow()?.source === 'selfsup')('a compiled and an eager step', () => {
  beforeAll(async () => {
    await loadTensorflow()
    await tf.setBackend('tensorflow')
  })

  function owned(value: tf.Tensor): tf.Variable {
    const variable = tf.variable(value)
    value.dispose()
    return variable
  }

  /** The training step of a small network with momentum, and the variables to dispose. */
  function training(): { step: Step; variables: tf.Variable[] } {
    const weights = [
      tf.randomNormal([3, 3, 3, 8], 0, 0.3, 'float32', 1),
      tf.randomNormal([8, 5], 0, 0.3, 'float32', 2),
    ].map(owned)
    const slots = weights.map((weight) => owned(tf.zerosLike(weight)))
    const [filter, dense] = weights as [tf.Variable<tf.Rank.R4>, tf.Variable<tf.Rank.R2>]
    const step: Step = (x, y) => {
      const { value, grads } = tf.variableGrads(() => {
        const features = tf.mean(tf.relu(tf.conv2d(x, filter, 1, 'same')), [1, 2]) as tf.Tensor2D
        return tf.mean(tf.squaredDifference(tf.tanh(tf.matMul(features, dense)), y)) as tf.Scalar
      }, weights)
      for (const [i, weight] of weights.entries()) {
        slots[i]!.assign(tf.add(tf.mul(slots[i]!, 0.9), grads[weight.name]!))
        weight.assign(tf.sub(weight, tf.mul(slots[i]!, 0.1)))
      }
      return value
    }
    return { step, variables: [...weights, ...slots] }
  }

  type Compiled = CompiledStep<Parameters<Step>, tf.Scalar>

  async function losses(
    options: CompileOptions | undefined,
    steps = 20,
    afterStep: (run: Compiled, i: number) => unknown = () => {},
  ): Promise<number[]> {
    const { step, variables } = training()
    const compiled: Compiled | undefined =
      options && compileStep(tf.backend() as TensorflowBackend, step, options)
    const run = compiled ?? step
    const seen: number[] = []
    for (let i = 0; i < steps; i++) {
      const [x, y] = [
        tf.randomNormal([4, 6, 6, 3], 0, 1, 'float32', i + 1) as tf.Tensor4D,
        tf.randomNormal([4, 5], 0, 1, 'float32', i + 1) as tf.Tensor2D,
      ]
      const loss = tf.tidy(() => run(x, y))
      seen.push((await loss.data())[0]!)
      tf.dispose([x, y, loss])
      if (compiled) await afterStep(compiled, i)
    }
    compiled?.dispose()
    tf.dispose(variables)
    return seen
  }

  test('have the same losses over 20 steps and leak no tensors', async () => {
    const { numTensors } = tf.memory()
    const [compiled, plain] = [await losses({}), await losses(undefined)]
    expect(plain.at(-1)).toBeLessThan(1.5)
    for (const [i, loss] of compiled.entries()) {
      expect(Math.abs(loss / plain[i]! - 1)).toBeLessThan(1e-4)
    }
    expect(tf.memory().numTensors).toBe(numTensors)
  })

  const often = { xla: 'auto', calls: 1e4 } as const

  test('change over to XLA in the background, with the same losses over 100 steps', async () => {
    const { numTensors } = tf.memory()
    const plain = await losses({ xla: false }, 100)
    const byXla: boolean[] = []
    const changing = await losses(often, 100, async (run, i) => {
      byXla.push(run.byXla)
      expect(run.compiling).toBe(!run.byXla)
      if (i !== 49) return
      const [x, y] = [tf.zeros<tf.Rank.R4>([4, 6, 6, 3]), tf.zeros<tf.Rank.R2>([4, 5])]
      await run.prepare(x, y) // compiled or not by now, the second half has to run by XLA
      tf.dispose([x, y])
    })
    expect(byXla[0]).toBe(false)
    expect(byXla.slice(50)).toEqual(Array(50).fill(true))
    expect(byXla.lastIndexOf(false)).toBe(byXla.indexOf(true) - 1) // never back
    for (const [i, loss] of changing.entries()) expect(Math.abs(loss / plain[i]! - 1)).toBeLessThan(1e-3)
    expect(tf.memory().numTensors).toBe(numTensors)
  })

  test('with `prepare`, run by XLA from the first call on, with the bits of a step that waits for XLA', async () => {
    const waiting = await losses({ xla: true }, 5)
    const { step, variables } = training()
    const run = compileStep(tf.backend() as TensorflowBackend, step, often)
    const seen: number[] = []
    for (let i = 0; i < 5; i++) {
      const [x, y] = [
        tf.randomNormal([4, 6, 6, 3], 0, 1, 'float32', i + 1) as tf.Tensor4D,
        tf.randomNormal([4, 5], 0, 1, 'float32', i + 1) as tf.Tensor2D,
      ]
      const before = await variables[0]!.data()
      if (i === 0) await run.prepare(x, y)
      expect(await variables[0]!.data()).toEqual(before) // it trains nothing
      const loss = run(x, y)
      expect(run.byXla).toBe(true)
      seen.push((await loss.data())[0]!)
      tf.dispose([x, y, loss])
    }
    run.dispose()
    tf.dispose(variables)
    expect(seen).toEqual(waiting)
  })

  test('run on without XLA if it cannot compile, and can be disposed while it compiles', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    const { functions } = tf.backend() as TensorflowBackend
    const compile = vi.spyOn(functions, 'compileMeanwhile').mockRejectedValueOnce(new Error('out of memory'))
    const { numTensors } = tf.memory()
    const plain = await losses({ xla: false }, 3)
    expect(await losses(often, 3, (run) => expect(run.byXla).toBe(false))).toEqual(plain)
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('out of memory'))
    await losses(often, 1) // disposes right after its first step
    await compile.mock.results.at(-1)!.value
    expect(tf.memory().numTensors).toBe(numTensors)
    compile.mockRestore()
    warn.mockRestore()
  })
})
