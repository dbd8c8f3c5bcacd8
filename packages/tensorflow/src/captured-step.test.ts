import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-layers' // registers the gradients
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import type { TensorflowBackend } from './backend.js'
import { compileStep } from './captured-step.js'
import { findTensorflow } from './find.js'
import { loadTensorflow } from './load.js'

describe.runIf(findTensorflow()?.source === 'selfsup')('a compiled step', () => {
  let backend: TensorflowBackend
  let before: tf.MemoryInfo
  beforeAll(async () => {
    await loadTensorflow()
    await tf.setBackend('tensorflow')
    backend = tf.backend() as TensorflowBackend
  })
  beforeEach(() => {
    before = tf.memory()
  })
  afterEach(() => {
    expect(tf.memory().numTensors).toBe(before.numTensors)
    expect(tf.memory().numDataBuffers).toBe(before.numDataBuffers)
  })
  const variable = (value: tf.Tensor) => {
    const made = tf.variable(value)
    value.dispose()
    return made
  }
  const values = async (tensor: tf.Tensor) => {
    const read = [...(await tensor.data())]
    tensor.dispose()
    return read
  }

  test('returns the same values as the step', async () => {
    const step = compileStep(backend, (x: tf.Tensor, y: tf.Tensor) => tf.add(tf.mul(x, y), tf.sum(x)))
    for (const numbers of [
      [1, 2],
      [3, 4],
      [-5, 0.5],
    ]) {
      const [x, y] = [tf.tensor1d(numbers), tf.tensor1d([10, 100])]
      expect(await values(step(x, y))).toEqual(
        numbers.map((n, i) => n * [10, 100][i]! + numbers[0]! + numbers[1]!),
      )
      tf.dispose([x, y])
    }
    expect(step.captures).toBe(1)
    step.dispose()
  })

  test('is captured once per shape, type and plain value, up to the limit', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    const step = compileStep(backend, (x: tf.Tensor, factor: number) => tf.mul(x, factor), { captures: 2 })
    for (const [size, factor] of [
      [2, 3],
      [3, 3],
      [2, 3],
    ] as const) {
      const x = tf.ones([size])
      expect(await values(step(x, factor))).toEqual(Array(size).fill(factor))
      x.dispose()
    }
    expect(step.captures).toBe(2)
    expect(warn).not.toHaveBeenCalled()
    const x = tf.ones([2])
    expect(await values(step(x, 5))).toEqual([5, 5])
    expect(step.captures).toBe(2)
    expect(warn).toHaveBeenCalledWith(expect.stringContaining('as tensors instead of plain values'))
    expect(await values(step(x, 3))).toEqual([3, 3])
    x.dispose()
    step.dispose()
    warn.mockRestore()
  })

  test('reads and assigns variables in each call', async () => {
    const w = variable(tf.tensor1d([1, 2]))
    const step = compileStep(backend, (x: tf.Tensor) => {
      w.assign(tf.add(w, x))
      return tf.sum(w)
    })
    const x = tf.tensor1d([1, 1])
    expect(await values(step(x))).toEqual([5])
    expect(await values(step(x))).toEqual([7])
    tf.tidy(() => w.assign(tf.tensor1d([10, 20])))
    expect(await values(step(x))).toEqual([32])
    expect([...(await w.data())]).toEqual([11, 21])
    step.dispose()
    tf.dispose([w, x])
  })

  test('distinguishes variables and clones that share their values', async () => {
    const w = variable(tf.scalar(1))
    const average = tf.tidy(() => tf.variable(tf.clone(w), false))
    const start = tf.clone(w)
    const step = compileStep(backend, (x: tf.Tensor) => {
      w.assign(tf.add(w, x))
      average.assign(tf.add(tf.mul(average, 0.5), tf.mul(w, 0.5)))
      return tf.stack([w, average, start])
    })
    const x = tf.scalar(1)
    expect(await values(step(x))).toEqual([2, 1.5, 1])
    expect(await values(step(x))).toEqual([3, 2.25, 1])
    // Arguments that share their values, too.
    const difference = compileStep(backend, (a: tf.Tensor, b: tf.Tensor) => tf.sub(a, b))
    const other = tf.scalar(5)
    expect(await values(difference(x, x))).toEqual([0])
    expect(await values(difference(other, x))).toEqual([4])
    step.dispose()
    difference.dispose()
    tf.dispose([w, average, start, x, other])
  })

  test('captures gradients and updates', async () => {
    const w = variable(tf.tensor2d([[0.5], [-0.5]]))
    const train = (x: tf.Tensor2D, y: tf.Tensor, rate: tf.Tensor) => {
      const { value, grads } = tf.variableGrads(
        () => tf.mean(tf.squaredDifference(tf.relu(tf.matMul(x, w as tf.Tensor2D)), y)) as tf.Scalar,
        [w],
      )
      w.assign(tf.sub(w, tf.mul(grads[w.name]!, rate)))
      return value
    }
    const batch = () =>
      tf.tidy(
        () =>
          [
            tf.tensor2d([
              [1, 2],
              [3, 1],
            ]),
            tf.tensor2d([[1], [2]]),
            tf.scalar(0.1),
          ] as const,
      )
    const eager: number[] = []
    const start = tf.clone(w)
    for (let i = 0; i < 5; i++) {
      const tensors = batch()
      eager.push(...(await values(tf.tidy(() => train(...(tensors as [tf.Tensor2D, tf.Tensor, tf.Tensor]))))))
      tf.dispose([...tensors])
    }
    const trained = [...(await w.data())]
    w.assign(start)
    start.dispose()
    const step = compileStep(backend, train)
    for (let i = 0; i < 5; i++) {
      const tensors = batch()
      expect((await values(step(...(tensors as [tf.Tensor2D, tf.Tensor, tf.Tensor]))))[0]).toBeCloseTo(
        eager[i]!,
        6,
      )
      tf.dispose([...tensors])
    }
    const compiled = [...(await w.data())]
    for (const [i, value] of compiled.entries()) expect(value).toBeCloseTo(trained[i]!, 6)
    step.dispose()
    w.dispose()
  })

  test('takes and returns arrays and objects, unchanged arguments and empty results', async () => {
    const step = compileStep(
      backend,
      ({ pair: [a, b], name }: { pair: [tf.Tensor, tf.Tensor]; name?: string }) => ({
        swapped: [b, a],
        name: name ?? 'none',
        count: 2,
      }),
    )
    const pair: [tf.Tensor, tf.Tensor] = [tf.scalar(1), tf.scalar(2)]
    const result = step({ pair }) as unknown as { swapped: tf.Tensor[]; name: string; count: number }
    expect(result).toMatchObject({ name: 'none', count: 2 })
    expect(await values(result.swapped[0]!)).toEqual([2])
    expect(await values(result.swapped[1]!)).toEqual([1])
    const none = compileStep(backend, () => [])
    expect(none()).toEqual([])
    none.dispose()
    step.dispose()
    tf.dispose(pair)
  })

  test('accepts large constants of one value and rejects others', () => {
    const step = compileStep(backend, () => tf.sum(tf.ones([3000, 1000])))
    expect([...tf.tidy(() => step().dataSync())]).toEqual([3_000_000])
    step.dispose()
    const big = compileStep(backend, () =>
      tf.sum(tf.tensor1d(Float32Array.from({ length: 300_000 }, (_, i) => i))),
    )
    expect(() => tf.tidy(() => big())).toThrow(
      /creates a constant of 300000 values on the host.* at .*captured-step\.test\.ts:\d+/,
    )
  })

  test.each<[string, () => tf.Tensor, RegExp]>([
    [
      'a read',
      () => tf.scalar(tf.square(tf.scalar(2)).dataSync()[0]!),
      /reads the result of Square on the host at .*captured-step\.test\.ts:\d+/,
    ],
    ['randomUniform', () => tf.randomUniform([2]), /random numbers on the host.*@selfsup\/kernels/],
    [
      'randomNormal with a seed',
      () => tf.randomNormal([2], 0, 1, 'float32', 7),
      /random numbers on the host \(randomNormal\)/,
    ],
    ['dropout', () => tf.dropout(tf.ones([4]), 0.5), /random numbers on the host/],
    [
      'a shape that depends on values',
      () => tf.unique(tf.tensor1d([1, 1])).values,
      /Unique.* shape depends on values/,
    ],
    [
      'a new variable',
      () => tf.variable(tf.scalar(1), true, 'made-inside'),
      /creates variables \(made-inside\)/,
    ],
    ['shapes that do not fit', () => tf.matMul(tf.ones([2, 3]), tf.ones([2, 3])), /./],
  ])('%s is an error and changes nothing', async (_, body, message) => {
    const w = variable(tf.scalar(3))
    const step = compileStep(backend, () => {
      w.assign(tf.scalar(4))
      return body()
    })
    expect(() => tf.tidy(() => step())).toThrow(message)
    expect([...(await w.data())]).toEqual([3])
    expect([...tf.tidy(() => tf.square(w).dataSync())]).toEqual([9])
    w.dispose()
  })

  test('reading a tensor that was kept inside the step is an error', () => {
    let kept: tf.Tensor | undefined
    const step = compileStep(backend, (x: tf.Tensor) => {
      kept = tf.keep(tf.square(x))
      return tf.sqrt(kept)
    })
    const x = tf.scalar(2)
    tf.dispose(step(x))
    expect(() => kept!.dataSync()).toThrow('was created inside a compiled step')
    step.dispose()
    tf.dispose([x, kept!])
  })

  test('runs uncompiled inside another step and while a gradient is computed', async () => {
    const inner = compileStep(backend, (x: tf.Tensor) => tf.square(x))
    const outer = compileStep(backend, (x: tf.Tensor) => tf.add(inner(x), 1))
    const x = tf.scalar(3)
    expect(await values(outer(x))).toEqual([10])
    expect(inner.captures).toBe(0)
    const gradient = tf.grad((value: tf.Tensor) => inner(value))
    expect(await values(gradient(x))).toEqual([6])
    outer.dispose()
    x.dispose()
  })

  test('steps are queued: reading does not block JavaScript', async () => {
    const step = compileStep(backend, (x: tf.Tensor) => {
      let y = x as tf.Tensor2D
      for (let i = 0; i < 20; i++) y = tf.mul(tf.matMul(y, y), 1e-3)
      return tf.sum(y)
    })
    const x = tf.fill([600, 600], 1e-3)
    await values(step(x)) // captured
    const started = performance.now()
    const reading = values(step(x))
    const called = performance.now() - started
    let turns = 0
    const timer = setInterval(() => turns++, 1)
    await reading
    const whole = performance.now() - started
    clearInterval(timer)
    expect(called).toBeLessThan(whole / 2)
    expect(turns).toBeGreaterThan(1)
    step.dispose()
    x.dispose()
  })

  test('an operation that XLA does not support is an error with xla: true, and runs by TensorFlow with auto', async () => {
    const x = tf.tensor2d([1, 2, 3, 4], [2, 2])
    const product = compileStep(backend, (x: tf.Tensor) => tf.sum(tf.matMul(x, x)), { xla: true })
    expect(await values(product(x))).toEqual([54])
    const cropped = (x: tf.Tensor) => {
      const [box, which] = [tf.tensor2d([[0, 0, 1, 1]]), tf.tensor1d([0], 'int32')]
      return tf.image.cropAndResize(tf.reshape(x, [1, 2, 2, 1]), box, which, [2, 2])
    }
    const strict = compileStep(backend, cropped, { xla: true })
    expect(() => strict(x)).toThrow('CropAndResize')
    const lenient = compileStep(backend, cropped, { xla: 'auto', calls: 1e4 })
    expect(await values(lenient(x))).toEqual([1, 2, 3, 4])
    expect(lenient.captures).toBe(1)
    for (const step of [product, strict, lenient]) step.dispose()
    x.dispose()
  })

  test('XLA supports nearest-neighbour enlarging and its gradient', async () => {
    const x = tf.tensor4d([1, 2, 3, 4, 5, 6], [1, 3, 2, 1])
    const weights = tf.tidy(() => tf.reshape(tf.range(0, 36), [1, 9, 4, 1]))
    const enlarged = (x: tf.Tensor) =>
      tf.sum(tf.mul(tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [9, 4]), weights))
    const gradient = tf.grad(enlarged)
    const [plain, byXla] = [false, true].map((xla) =>
      compileStep(backend, (x: tf.Tensor) => gradient(x), { xla }),
    )
    const expected = await values(plain!(x))
    expect(expected[0]).toBe(0 + 1 + 4 + 5 + 8 + 9)
    expect(await values(byXla!(x))).toEqual(expected)
    for (const step of [plain!, byXla!]) step.dispose()
    tf.dispose([x, weights])
  })

  test('auto uses XLA for steps with enough calls', () => {
    const seen: boolean[] = []
    const observed = (x: tf.Tensor) => {
      seen.push(backend.byXla)
      return tf.square(x)
    }
    const x = tf.scalar(3)
    for (const options of [
      {},
      { xla: 'auto' },
      { xla: 'auto', calls: 1999 },
      { xla: 'auto', calls: 2000 },
    ] as const) {
      const step = compileStep(backend, observed, options)
      const result = step(x)
      expect(result.dataSync()[0]).toBe(9)
      result.dispose()
      step.dispose()
    }
    // Captured for XLA, and for the calls until XLA has compiled it.
    expect(seen).toEqual([false, false, false, true, false])
    x.dispose()
  })

  test('reading values reports an error of the device', async () => {
    const step = compileStep(backend, (x: tf.Tensor, i: tf.Tensor1D) => tf.gather(x, i))
    const x = tf.tensor1d([1, 2])
    const [good, bad] = [tf.tensor1d([1], 'int32'), tf.tensor1d([7], 'int32')]
    expect(await values(step(x, good))).toEqual([2])
    for (let round = 0; round < 50; round++) {
      const failed = step(x, bad)
      await expect(failed.data()).rejects.toThrow(/7 is not in \[0, 2\)/)
      failed.dispose()
      expect(await values(step(x, good))).toEqual([2]) // the next call does not fail
    }
    step.dispose()
    tf.dispose([x, good, bad])
  })
})
