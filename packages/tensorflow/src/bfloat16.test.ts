import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-layers' // registers the gradients
import { beforeAll, describe, expect, test } from 'vitest'
import { attributeKinds } from './addon.js'
import type { TensorflowBackend } from './backend.js'
import { compileStep } from './captured-step.js'
import { findTensorflow } from './find.js'
import { loadTensorflow } from './load.js'
import type { ownOperations } from './own-operations.js'
import { detectEnvironment } from './settings.js'

const suits =
  findTensorflow()?.source === 'selfsup' &&
  detectEnvironment().features.includes('avx512_bf16') &&
  detectEnvironment().arch === 'x64'

describe.skipIf(!suits)('our operations on bfloat16', () => {
  beforeAll(async () => {
    process.env.SELFSUP_CONVOLUTIONS = '1' // also where they are not faster
    await loadTensorflow({ mixedPrecision: 'on' })
    await tf.setBackend('tensorflow')
  })

  /** Filter gradients: eager (TensorFlow's, in float32) and compiled (ours). */
  function gradients(
    x: tf.Tensor4D,
    [filters, kernel, stride, pad]: readonly [number, number, number, 'same' | 'valid'],
    made: (shape: number[], seed: number) => tf.Tensor,
  ): [Float32Array, Float32Array] {
    const w = tf.zeros([kernel, kernel, x.shape[3], filters]) as tf.Tensor4D
    const dy = made(tf.conv2d(x, w, stride, pad).shape, 2)
    const gradient = tf.grad((filter: tf.Tensor) =>
      tf.sum(tf.mul(tf.conv2d(x, filter as tf.Tensor4D, stride, pad), dy)),
    )
    const step = compileStep(tf.backend() as TensorflowBackend & tf.KernelBackend, () => gradient(w))
    const [plain, compiled] = [gradient(w).dataSync(), step().dataSync()]
    step.dispose()
    return [plain as Float32Array, compiled as Float32Array]
  }

  // bfloat16 represents these integers exactly.
  const whole = (shape: number[], seed: number) => tf.round(tf.randomUniform(shape, -9, 9, 'float32', seed))
  test.each([
    { what: 'stride 2', batch: 9, size: 16, channels: 32, of: [64, 3, 2, 'same'] },
    { what: 'stride 1', batch: 2, size: 7, channels: 16, of: [48, 3, 1, 'same'] },
    {
      what: 'no padding, an odd number of results',
      batch: 3,
      size: 9,
      channels: 48,
      of: [16, 5, 2, 'valid'],
    },
    { what: 'results of one pixel', batch: 700, size: 2, channels: 16, of: [32, 3, 2, 'same'] },
    { what: 'one result', batch: 1, size: 3, channels: 16, of: [16, 3, 1, 'valid'] },
  ] as const)('$what: exact sums', ({ batch, size, channels, of }) => {
    tf.tidy(() => {
      const x = whole([batch, size, size, channels], 1) as tf.Tensor4D
      const [plain, compiled] = gradients(x, of, whole)
      expect(compiled).toEqual(plain)
      expect(compiled.some((value) => value !== 0)).toBe(true)
    })
  })

  // With AMX: sums of few small integers, which bfloat16 represents exactly too.
  const small = (shape: number[], seed: number) =>
    tf.round(tf.randomUniform(shape, -1.4, 1.4, 'float32', seed))
  test.for([
    { what: 'stride 1', batch: 3, size: 7, channels: 48, of: [80, 3, 1, 'same'] },
    { what: 'stride 2', batch: 9, size: 16, channels: 32, of: [64, 3, 2, 'same'] },
    { what: 'stride 2, no padding, odd', batch: 2, size: 9, channels: 16, of: [16, 5, 2, 'valid'] },
    { what: 'a stride beyond the filter', batch: 2, size: 9, channels: 16, of: [48, 2, 3, 'valid'] },
    { what: 'results of one pixel', batch: 700, size: 2, channels: 16, of: [32, 3, 2, 'same'] },
    { what: 'one image of one pixel', batch: 1, size: 1, channels: 16, of: [16, 3, 1, 'same'] },
    { what: 'more than one task, many channels', batch: 40, size: 8, channels: 160, of: [176, 3, 1, 'same'] },
  ] as const)('$what: a convolution and its gradients by AMX', ({ batch, size, channels, of }, { skip }) => {
    const [filters, kernel, stride, pad] = of
    const backend = tf.backend() as TensorflowBackend & tf.KernelBackend
    const { own } = backend as unknown as { readonly own: ReturnType<typeof ownOperations> }
    const info = tf.backend_util.computeConv2DInfo(
      [batch, size, size, channels],
      [kernel, kernel, channels, filters],
      stride,
      1,
      pad,
    )
    skip(!own.mixed.bfloat16!(info, 'output'), 'the processor, compiler or system is without AMX')
    const x = tf.keep(small([batch, size, size, channels], 1) as tf.Tensor4D)
    const w = tf.variable(small([kernel, kernel, channels, filters], 2) as tf.Tensor4D)
    const dy = tf.tidy(() => small(tf.conv2d(x, w, stride, pad).shape, 3) as tf.Tensor4D)
    const body = () => {
      const y = tf.conv2d(x, w, stride, pad)
      const attrs = { strides: stride, pad, dataFormat: 'NHWC' }
      const gradient = (name: string, inputs: tf.NamedTensorMap, more: object) =>
        tf.engine().runKernel(name, inputs, { ...attrs, ...more } as unknown as tf.NamedAttrMap) as tf.Tensor
      return [
        y,
        gradient('Conv2DBackpropInput', { dy, filter: w }, { inputShape: x.shape }),
        gradient('Conv2DBackpropFilter', { x, dy }, { filterShape: w.shape }),
      ]
    }
    let nodes: readonly string[] = []
    backend.functions.onCapture = (all) => {
      nodes = all
    }
    const step = compileStep(backend, body)
    const made = step()
    backend.functions.onCapture = undefined
    for (const [i, name] of ['Convolution', 'ConvolutionInput', 'ConvolutionFilter'].entries()) {
      expect(nodes.some((node) => node.startsWith(`Selfsup${name}Bfloat16 `))).toBe(true)
      // In float32. Winograd's algorithm is not exact; the results are integers.
      const wanted = tf.tidy(() => Float32Array.from(body()[i]!.dataSync(), (value) => Math.round(value) + 0))
      if (i < 2) expect(wanted.every((value) => Math.abs(value) <= 256)).toBe(true)
      expect(
        made[i]!.dataSync().map((value) => value + 0),
        name,
      ).toEqual(wanted)
      expect(wanted.some((value) => value !== 0)).toBe(true)
    }
    step.dispose()
    tf.dispose([x, w, dy, made])
  })

  test('a product of no network stays float32', () => {
    tf.tidy(() => {
      const fine = tf.fill([2, 4, 4, 16], 1 + 2 ** -9) as tf.Tensor4D // bfloat16 has seven bits after the leading one
      const filter = tf.ones([3, 3, 16, 16]) as tf.Tensor4D // not a variable
      const step = compileStep(tf.backend() as TensorflowBackend & tf.KernelBackend, () =>
        tf.conv2d(fine, filter, 1, 'valid'),
      )
      const values = step().dataSync()
      step.dispose()
      for (const value of values) expect(value).toBeCloseTo(144 * (1 + 2 ** -9), 3)
    })
  })

  test('rounds operands but not sums', () => {
    tf.tidy(() => {
      const normal = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, 'float32', seed)
      const [plain, compiled] = gradients(
        normal([20, 8, 8, 32], 1) as tf.Tensor4D,
        [32, 3, 2, 'same'],
        normal,
      )
      const largest = Math.max(...plain.map(Math.abs))
      const worst = Math.max(...plain.map((value, i) => Math.abs(value - compiled[i]!)))
      expect(worst / largest).toBeGreaterThan(1e-5)
      expect(worst / largest).toBeLessThan(1e-2)
      const bits = new Uint32Array(compiled.buffer, compiled.byteOffset, compiled.length)
      expect(bits.some((word) => (word & 0xffff) !== 0)).toBe(true) // TensorFlow's sums would be bfloat16
    })
  })

  test('batch normalisation between convolutions passes bfloat16 on, forwards and backwards', () => {
    tf.tidy(() => {
      const backend = tf.backend() as TensorflowBackend & tf.KernelBackend
      const { TF_ATTR_FLOAT, TF_ATTR_BOOL } = attributeKinds
      const attributes = [
        { name: 'epsilon', type: TF_ATTR_FLOAT, value: 1e-5 },
        { name: 'rectify', type: TF_ATTR_BOOL, value: true },
      ]
      const normal = (shape: number[], seed: number) => tf.randomNormal(shape, 0.3, 1, 'float32', seed)
      const [x, dz] = [normal([8, 6, 6, 16], 1), normal([8, 6, 6, 32], 2)]
      const filters = [normal([3, 3, 16, 16], 3), normal([3, 3, 16, 32], 4)].map((value) =>
        tf.variable(value),
      )
      const [before, behind] = filters as tf.Variable<tf.Rank.R4>[]
      const [gamma, beta] = [normal([16], 5), normal([16], 6)]
      const body = () => {
        const made = tf.conv2d(x as tf.Tensor4D, before!, 1, 'same')
        const results = backend.executeMultipleOutputs(
          'SelfsupNormalisation',
          attributes,
          [made, gamma, beta],
          4,
        )
        const [y, mean, variance, inverse] = results as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]
        const z = tf.conv2d(y as tf.Tensor4D, behind!, 1, 'same')
        const dy = tf.engine().runKernel('Conv2DBackpropInput', { dy: dz, filter: behind! }, {
          strides: 1,
          pad: 'same',
          dataFormat: 'NHWC',
          inputShape: y.shape,
        } as unknown as tf.NamedAttrMap) as tf.Tensor
        const [dx, dgamma, dbeta] = backend.executeMultipleOutputs(
          'SelfsupNormalisationGradient',
          attributes,
          [dy, made, gamma, beta, mean, inverse],
          3,
        )
        const dw = tf.engine().runKernel('Conv2DBackpropFilter', { x, dy: dx! }, {
          strides: 1,
          pad: 'same',
          dataFormat: 'NHWC',
          filterShape: before!.shape,
        } as unknown as tf.NamedAttrMap) as tf.Tensor
        return { y, mean, variance, z, dx: dx!, dgamma: dgamma!, dbeta: dbeta!, dw }
      }
      const step = compileStep(backend, body)
      const [plain, compiled] = [body(), step()]
      for (const [name, tensor] of Object.entries(plain)) {
        const [a, b] = [tensor.dataSync(), compiled[name as keyof typeof plain].dataSync()]
        // The norm over all values: rounding can move a single value across the rectifier's zero.
        const [size, error] = [a, a.map((value, i) => value - b[i]!)].map((values) => Math.hypot(...values))
        expect({ name, close: error! / size! < 0.08 }).toEqual({ name, close: true })
      }
      const halves = ({ y, dx }: typeof plain) =>
        [y, dx].map((tensor) => {
          const values = Float32Array.from(tensor.dataSync())
          return new Uint32Array(values.buffer).every((word) => (word & 0xffff) === 0)
        })
      expect(halves(compiled)).toEqual([true, true]) // all values are bfloat16
      expect(halves(plain)).toEqual([false, false])
      step.dispose()
      tf.dispose(filters)
    })
  })
})
