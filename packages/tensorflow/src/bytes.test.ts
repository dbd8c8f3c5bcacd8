import { imageTensor } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import type { TensorflowBackend } from './backend.js'
import { compileStep } from './captured-step.js'
import { findTensorflow } from './find.js'
import { loadTensorflow } from './load.js'

describe.skipIf(findTensorflow()?.source !== 'selfsup')('pixels as bytes', () => {
  let backend: TensorflowBackend & tf.KernelBackend
  beforeAll(async () => {
    await loadTensorflow()
    await tf.setBackend('tensorflow')
    backend = tf.backend() as typeof backend
  })

  const values = [0, 1, 127, 128, 254, 255]
  const pixels = () => imageTensor({ data: Uint8Array.from(values), shape: [2, 1, 1, 3] })
  const step = (x: tf.Tensor) => tf.add(tf.mul(x, tf.scalar(1000, 'int32')), tf.scalar(1, 'int32'))
  const wanted = [1, 1001, 127001, 128001, 254001, 255001]

  /** The graph's nodes that have an input for each captured form. */
  function captureAll(compiled: (x: tf.Tensor) => tf.Tensor, calls: tf.Tensor[]): string[] {
    const inputs: string[] = []
    backend.functions.onCapture = (nodes) => {
      inputs.push(...nodes.filter((node) => node.includes('Placeholder')))
    }
    for (const x of calls) {
      expect([...compiled(x).dataSync()]).toEqual(wanted)
      expect([...x.dataSync()]).toEqual(values)
    }
    backend.functions.onCapture = undefined
    return inputs
  }

  test('are copied as bytes to a compiled step, which computes with int32', () => {
    const compiled = compileStep(backend, step)
    const inputs = captureAll(compiled, [pixels(), pixels()])
    expect(inputs).toHaveLength(1)
    expect(inputs[0]).toBe('Placeholder type 4 [2,1,1,3]')
    compiled.dispose()
  })

  test('XLA compiles such a step, too', () => {
    const compiled = compileStep(backend, step, { xla: true })
    captureAll(compiled, [pixels(), pixels()])
    expect(compiled.byXla).toBe(true)
    compiled.dispose()
  })

  test('bytes and integers of one shape are two forms, whichever comes first', () => {
    const integers = () => tf.tensor4d(Int32Array.from(values), [2, 1, 1, 3], 'int32')
    const compiled = compileStep(backend, step)
    captureAll(compiled, [integers(), pixels(), integers(), pixels()])
    expect(compiled.captures).toBe(2)
    compiled.dispose()
  })

  test('serve operations outside of compiled steps before and after one', () => {
    const compiled = compileStep(backend, step)
    const numbers = backend.numDataIds()
    tf.tidy(() => {
      const x = pixels()
      expect([...step(x).dataSync()]).toEqual(wanted) // as int32 from here on
      expect([...compiled(x).dataSync()]).toEqual(wanted)
      const y = pixels()
      expect([...compiled(y).dataSync()]).toEqual(wanted)
      expect([...step(y).dataSync()]).toEqual(wanted)
      expect([...step(tf.clone(y)).dataSync()]).toEqual(wanted)
      expect([...compiled(tf.clone(y)).dataSync()]).toEqual(wanted)
      expect(y.dataSync()).toBeInstanceOf(Int32Array)
      expect([...tf.sub(y, 300).dataSync()]).toEqual([-300, -299, -173, -172, -46, -45])
    })
    expect(backend.numDataIds()).toBe(numbers)
    compiled.dispose()
  })

  test('from outside of the step, and in variables', () => {
    const outside = pixels()
    const variable = tf.variable(pixels())
    const compiled = compileStep(backend, () => {
      const sum = tf.add(outside, variable)
      variable.assign(tf.add(variable, tf.scalar(300, 'int32')))
      return sum
    })
    const first = [0, 2, 254, 256, 508, 510]
    expect([...compiled().dataSync()]).toEqual(first)
    expect([...compiled().dataSync()]).toEqual(first.map((value) => value + 300))
    expect([...compiled().dataSync()]).toEqual(first.map((value) => value + 600))
    compiled.dispose()
    tf.dispose([outside, variable])
  })

  test('a step may return its argument', () => {
    const compiled = compileStep(backend, (x: tf.Tensor) => tf.clone(x))
    const y = compiled(pixels())
    expect([...tf.sub(y, 1).dataSync()]).toEqual([-1, 0, 126, 127, 253, 254])
    compiled.dispose()
  })

  test('a disposed argument is named', () => {
    const compiled = compileStep(backend, step)
    const x = pixels()
    compiled(x).dispose()
    x.dispose()
    expect(() => compiled(x)).toThrow('a compiled step uses a tensor [2,1,1,3], which is disposed')
    compiled.dispose()
  })
})
