import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-layers' // registers the gradients
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { attributeKinds } from './addon.js'
import type { TensorflowBackend } from './backend.js'
import { type CompileOptions, compileStep } from './captured-step.js'
import { findTensorflow } from './find.js'
import { loadTensorflow } from './load.js'

type Step = () => tf.Tensor | tf.Tensor[]

// Checks the types in a captured step's graph, which are the same on processors with and without bfloat16.
describe.runIf(findTensorflow()?.source === 'selfsup')('the graph of a step in mixed precision', () => {
  let backend: TensorflowBackend
  let kept: tf.Tensor[] = []
  beforeAll(async () => {
    await loadTensorflow({ mixedPrecision: 'on' })
    await tf.setBackend('tensorflow')
    backend = tf.backend() as TensorflowBackend
    // As on a processor with bfloat16 instructions: operations on bfloat16 instead of rounding to it.
    emulate(false)
  })
  let tensors: number
  beforeEach(() => {
    tensors = tf.memory().numTensors
  })
  afterEach(() => {
    tf.dispose(kept)
    kept = []
    expect(tf.memory().numTensors).toBe(tensors)
  })

  function emulate(emulated: boolean): void {
    Object.assign(backend.functions, { precision: { mixedPrecision: 'bfloat16', emulated } })
  }

  function weight(shape: number[], seed = 1): tf.Variable {
    const variable = tf.tidy(() => tf.variable(tf.randomNormal(shape, 0, 0.3, 'float32', seed)))
    kept.push(variable)
    return variable
  }

  function data(shape: number[], seed = 2): tf.Tensor {
    const tensor = tf.randomNormal(shape, 0, 1, 'float32', seed)
    kept.push(tensor)
    return tensor
  }

  /** Nodes of the step's graph, "Operation type [shape]", and its results. */
  function captured(step: Step, options: CompileOptions = {}) {
    let nodes: readonly string[] = []
    backend.functions.onCapture = (all) => {
      nodes = all
    }
    const compiled = compileStep(backend, step, options)
    const result = compiled()
    backend.functions.onCapture = undefined
    const values = [result].flat().map((tensor) => tensor.dataSync())
    compiled.dispose()
    tf.dispose(result)
    const typesOf = (operation: string) =>
      nodes.filter((node) => node.split(' ')[0] === operation).map((node) => node.split(' ')[1])
    return { nodes, typesOf, values }
  }

  const x = () => data([4, 8, 8, 3]) as tf.Tensor4D
  const conv = (images: tf.Tensor, filter: tf.Variable) =>
    tf.conv2d(images as tf.Tensor4D, filter as never, 1, 'same')
  const operation = (
    name: string,
    inputs: tf.Tensor[],
    outputs: number,
    attributes: { name: string; type: number; value: unknown }[],
  ) => backend.executeMultipleOutputs(name, attributes, inputs, outputs)

  test('activations between convolutions stay bfloat16: ReLU, sum, padding, pooling, normalisation', () => {
    const [images, a, b, c] = [x(), weight([3, 3, 3, 8]), weight([3, 3, 8, 8]), weight([3, 3, 8, 8])]
    const [gamma, beta] = [data([8]), data([8])]
    const { TF_ATTR_FLOAT, TF_ATTR_BOOL } = attributeKinds
    const { typesOf } = captured(() => {
      const first = conv(images, a)
      const attributes = [
        { name: 'epsilon', type: TF_ATTR_FLOAT, value: 1e-5 },
        { name: 'rectify', type: TF_ATTR_BOOL, value: false },
      ]
      const [normal, mean] = operation('SelfsupNormalisation', [first, gamma, beta], 4, attributes)
      const rectified = tf.relu(normal!)
      const sum = tf.add(conv(rectified, b), rectified)
      const padded = tf.pad(sum as tf.Tensor4D, [
        [0, 0],
        [1, 1],
        [1, 1],
        [0, 0],
      ])
      return [conv(tf.maxPool(padded, 2, 2, 'valid'), c), mean!]
    })
    for (const name of ['Conv2D', 'SelfsupNormalisation', 'Relu', 'AddV2', 'Add', 'PadV2', 'MaxPool'])
      for (const type of typesOf(name)) expect({ name, type }).toEqual({ name, type: 'bfloat16' })
    expect(typesOf('Conv2D')).toHaveLength(3)
    expect([...typesOf('AddV2'), ...typesOf('Add')]).toHaveLength(1)
    expect(typesOf('MaxPool')).toHaveLength(1)
    // Images, three filters and the padding value; nothing is converted back.
    expect(typesOf('Cast')).toEqual(['bfloat16', 'bfloat16', 'bfloat16', 'bfloat16', 'bfloat16'])
  })

  test('gradients of activations stay bfloat16, also through clones', () => {
    const [images, a, b] = [x(), weight([3, 3, 3, 8]), weight([3, 3, 8, 5])]
    const { nodes, typesOf } = captured(() => {
      const { grads } = tf.variableGrads(() => {
        return tf.sum(tf.square(conv(tf.clone(conv(images, a)), b))) as tf.Scalar
      }, [a, b])
      return [grads[a.name]!, grads[b.name]!]
    })
    expect(typesOf('Conv2DBackpropInput')).toContain('bfloat16')
    expect(nodes.filter((node) => /^Cast \w+ \[4,8,8,8\]/.test(node))).toEqual([])
    // Weight gradients are converted to float32 after their product.
    expect(nodes.filter((node) => /^Cast float32 \[3,3,/.test(node))).toHaveLength(
      typesOf('Conv2DBackpropFilter').length,
    )
  })

  test('statistics, arithmetic, reductions and the softmax are float32', () => {
    const [rows, a] = [data([6, 5]), weight([5, 4])]
    const { typesOf } = captured(() => {
      const z = tf.matMul(rows as tf.Tensor2D, a as tf.Tensor2D)
      const centred = tf.sub(z, tf.mean(z, 0))
      return tf.mean(tf.mul(tf.logSoftmax(z), tf.sqrt(tf.add(tf.square(centred), 1))))
    })
    for (const name of ['Sub', 'Mean', 'Mul', 'Sqrt', 'Square', 'AddV2', 'Add', 'LogSoftmax'])
      for (const type of typesOf(name)) expect({ name, type }).toEqual({ name, type: 'float32' })
    expect([...typesOf('MatMul'), ...typesOf('BatchMatMulV2')]).toEqual(['bfloat16'])
  })

  test('a weight is converted once, however often it is used; its gradients and update are float32', () => {
    const [a, rate] = [weight([4, 4]), data([])]
    const [one, two] = [data([6, 4], 3), data([6, 4], 4)]
    const before = a.dataSync()
    const { nodes, values } = captured(() => {
      const { grads } = tf.variableGrads(() => {
        const both = [one, two].map((rows) =>
          tf.matMul(tf.matMul(rows as tf.Tensor2D, a as tf.Tensor2D), a as tf.Tensor2D),
        )
        return tf.sum(tf.square(tf.add(both[0]!, both[1]!))) as tf.Scalar
      }, [a])
      const updated = tf.sub(a, tf.mul(grads[a.name]!, tf.mul(rate, 1e-4)))
      a.assign(updated as never)
      return tf.clone(updated)
    })
    // Only the weight is converted from [4,4] to bfloat16. Its gradients are float32.
    expect(nodes.filter((node) => node === 'Cast bfloat16 [4,4]')).toHaveLength(1)
    const words = new Uint32Array(Float32Array.from(values[0]!).buffer)
    expect(words.filter((word) => (word & 0xffff) !== 0).length).toBeGreaterThan(8)
    expect([...a.dataSync()]).toEqual([...values[0]!])
    expect([...a.dataSync()]).not.toEqual([...before])
  })

  test('products that do not depend on a weight are float32: views, blur kernels', () => {
    const [images, taps] = [data([4, 6, 6]), data([6, 6])]
    const { typesOf } = captured(() => tf.matMul(tf.broadcastTo(tf.expandDims(taps, 0), [4, 6, 6]), images))
    expect([...typesOf('MatMul'), ...typesOf('BatchMatMulV2')]).toEqual(['float32'])
    expect(typesOf('Cast')).toEqual([])
  })

  test('a product can request float32', () => {
    const [rows, a] = [data([6, 5]), weight([5, 4])]
    const { TF_ATTR_BOOL, TF_ATTR_TYPE } = attributeKinds
    const { typesOf } = captured(() => {
      const z = tf.matMul(rows as tf.Tensor2D, a as tf.Tensor2D)
      return operation('BatchMatMulV2', [z, z], 1, [
        { name: 'adj_x', type: TF_ATTR_BOOL, value: false },
        { name: 'adj_y', type: TF_ATTR_BOOL, value: true },
        { name: 'T', type: TF_ATTR_TYPE, value: backend.getDTypeInteger('float32') },
        { name: 'selfsup_float32', type: TF_ATTR_BOOL, value: true },
      ])
    })
    expect([...typesOf('MatMul'), ...typesOf('BatchMatMulV2')]).toEqual(['bfloat16', 'float32'])
  })

  test('a whole step can request float32', () => {
    const [images, a] = [x(), weight([3, 3, 3, 8])]
    const step = () => conv(images, a)
    const { typesOf, values } = captured(step, { precision: 'float32' })
    expect(typesOf('Conv2D')).toEqual(['float32'])
    expect(typesOf('Cast')).toEqual([])
    const plain = tf.tidy(step)
    const wanted = [...plain.dataSync()]
    expect(Math.max(...wanted.map((value, i) => Math.abs(value - values[0]![i]!)))).toBeLessThan(1e-5)
    plain.dispose()
  })

  test('attention products are bfloat16; biases and the softmax are float32', () => {
    const [tokens, a, bias] = [data([2, 5, 8]), weight([8, 8]), data([8])]
    const { typesOf } = captured(() => {
      const flat = tf.reshape(tokens, [10, 8]) as tf.Tensor2D
      const q = tf.reshape(tf.add(tf.matMul(flat, a as tf.Tensor2D), bias), [2, 5, 8])
      return tf.matMul(tf.softmax(tf.matMul(q, q, false, true)), q)
    })
    expect([...typesOf('MatMul'), ...typesOf('BatchMatMulV2')]).toEqual(['bfloat16', 'bfloat16', 'bfloat16'])
    expect(typesOf('Softmax')).toEqual(['float32'])
  })

  test.each(['auto', true] as const)('XLA (%s) computes products in bfloat16', (xla) => {
    const fine = tf.tensor2d([1 + 2 ** -9, 3], [1, 2]) // bfloat16 has seven bits after the leading one
    const [column, filter] = [
      [2, 1],
      [1, 1, 2, 1],
    ].map((shape) => tf.tidy(() => tf.variable(tf.tensor([1, 0.5], shape)))) as [tf.Variable, tf.Variable]
    kept.push(fine, column, filter)
    const step = () => [
      tf.matMul(fine, column as never),
      tf.conv2d(tf.reshape(fine, [1, 1, 1, 2]) as tf.Tensor4D, filter as never, 1, 'same'),
      tf.sum(fine),
    ]
    const { values } = captured(step, { xla })
    expect(values.map(([value]) => value)).toEqual([2.5, 2.5, 4 + 2 ** -9])
  })

  test('a part of a step can request float32 for its operations and their gradients', () => {
    const [images, a, b] = [x(), weight([3, 3, 3, 8]), weight([3, 3, 8, 8])]
    const network = () => conv(tf.relu(conv(images, a)), b)
    const gradients = (part: (body: () => tf.Tensor) => tf.Tensor) =>
      captured(() => {
        const { value, grads } = tf.variableGrads(
          () => tf.sum(tf.square(part(() => tf.sub(network(), tf.mul(network(), 0.5))))) as tf.Scalar,
        )
        return [value, ...Object.values(grads)]
      })
    const scoped = gradients((body) => backend.inFloat32(body))
    const plain = gradients((body) => body())
    for (const operation of ['Conv2D', 'Relu', 'Conv2DBackpropInput', 'Conv2DBackpropFilter']) {
      expect(new Set(scoped.typesOf(operation)), operation).toEqual(new Set(['float32']))
      if (operation !== 'Conv2DBackpropFilter')
        expect(plain.typesOf(operation), operation).toContain('bfloat16')
    }

    const both = captured(() => [backend.inFloat32(() => conv(images, a)), conv(images, a)])
    expect(both.typesOf('Conv2D').sort()).toEqual(['bfloat16', 'float32'])
  })

  test('a weight updated in float32 is used in bfloat16 afterwards', () => {
    const [images, a] = [x(), weight([3, 3, 3, 8])]
    const { typesOf } = captured(() => {
      const gradient = backend.inFloat32(
        () => Object.values(tf.variableGrads(() => tf.sum(conv(images, a)) as tf.Scalar).grads)[0]!,
      )
      a.assign(tf.sub(a, tf.mul(gradient, 0.1)))
      return conv(images, a)
    })
    expect(typesOf('Conv2D')).toEqual(['float32', 'bfloat16'])
  })

  test('emulation builds the same graph, with float32 products of rounded operands', () => {
    const [images, a] = [x(), weight([3, 3, 3, 8])]
    const step = () => tf.relu(conv(images, a))
    const real = captured(step)
    emulate(true)
    const emulated = captured(step)
    emulate(false)
    expect(real.typesOf('Relu')).toEqual(['bfloat16'])
    expect(emulated.typesOf('Relu')).toEqual(['bfloat16'])
    expect(emulated.typesOf('Conv2D')).toEqual(['float32'])
    const [r, e] = [real.values[0]!, emulated.values[0]!]
    const size = Math.hypot(...r)
    const apart = Math.hypot(...Array.from(r, (value, i) => value - e[i]!))
    expect(apart / size).toBeLessThan(0.004)
    const rounded = (value: number) => {
      const words = new Uint32Array(Float32Array.of(value).buffer)
      words[0] = (words[0]! + 0x7fff + ((words[0]! >>> 16) & 1)) & 0xffff0000
      return new Float32Array(words.buffer)[0]!
    }
    // The first value, computed by hand from rounded operands.
    const [pixels, filters] = [images.dataSync(), a.dataSync()]
    let sum = 0
    for (const [ky, kx] of [
      [1, 1],
      [1, 2],
      [2, 1],
      [2, 2],
    ] as const) // taps inside the image at its corner
      for (let c = 0; c < 3; c++) {
        const pixel = pixels[((ky - 1) * 8 + (kx - 1)) * 3 + c]!
        sum += rounded(pixel) * rounded(filters[((ky * 3 + kx) * 3 + c) * 8]!)
      }
    expect(Math.abs(e[0]! - Math.max(0, rounded(sum)))).toBeLessThanOrEqual(Math.abs(sum) * 2 ** -8)
  })
})
