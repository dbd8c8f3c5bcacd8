import { backend_util } from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { ownOperations, type Product } from './own-operations.js'

const products: readonly Product[] = ['output', 'input', 'filter']

/** A convolution of `size` x `size` results with 3x3 filters. */
const convolution = (size: number, channels: number, filters: number, stride = 1, kernel = 3) =>
  backend_util.computeConv2DInfo(
    [12, size * stride, size * stride, channels],
    [kernel, kernel, channels, filters],
    stride,
    1,
    'same',
  )

describe('our convolutions replace TensorFlow’s', () => {
  const machines = {
    avx2: { gpu: false, convolutions: 2, bfloat16: 0 },
    avx512: { gpu: false, convolutions: 3, bfloat16: 0 },
    bfloat16: { gpu: false, convolutions: 3, bfloat16: 2 },
    amx: { gpu: false, convolutions: 3, bfloat16: 3 },
  }
  const of = (machine: keyof typeof machines, emulated = false, wanted?: string) =>
    ownOperations(machines[machine], emulated, wanted)

  test('in float32: all with AVX2, those by Winograd’s algorithm with AVX-512', () => {
    const [square, strided, large] = [
      convolution(8, 32, 32),
      convolution(8, 32, 32, 2),
      convolution(8, 32, 32, 1, 5),
    ]
    for (const product of products) {
      for (const each of [square, strided, large])
        expect(of('avx2').float32.convolutions!(each, product)).toBe(true)
      expect(of('avx512').float32.convolutions!(square, product)).toBe(true)
      expect(of('avx512').float32.convolutions!(strided, product)).toBe(false)
      expect(of('avx512').float32.convolutions!(large, product)).toBe(false)
    }
    for (const size of [3, 1]) // TensorFlow's, where Winograd's algorithm does not run
      expect(of('avx512').float32.convolutions!(convolution(size, 32, 32), 'output')).toBe(false)
    expect(of('avx2').mixed.convolutions).toBeUndefined()
    expect(of('avx2', true).mixed.convolutions).toBeDefined() // emulated: products of rounded operands in float32
  })

  test('in bfloat16: filter gradients with AVX512-BF16, also narrow results with AMX', () => {
    expect(of('avx512').mixed.bfloat16).toBeUndefined()
    const deep = convolution(4, 512, 512)
    expect(products.map((product) => of('bfloat16').mixed.bfloat16!(deep, product))).toEqual([
      false,
      false,
      true,
    ])
    const amx = of('amx').mixed.bfloat16!
    expect(products.map((product) => amx(deep, product))).toEqual([true, true, true])
    expect(products.map((product) => amx(convolution(8, 256, 256), product))).toEqual([true, false, true])
    expect(products.map((product) => amx(convolution(32, 64, 64), product))).toEqual([false, false, false])
    expect(products.map((product) => amx(convolution(16, 32, 64, 2), product))).toEqual([false, false, true])
    expect(of('amx').float32.bfloat16).toBeUndefined()
  })

  test('wherever they run, or never, if the environment says so', () => {
    const wide = convolution(32, 64, 64, 2, 5)
    expect(products.map((product) => of('amx', false, '1').mixed.bfloat16!(wide, product))).toEqual([
      true,
      true,
      true,
    ])
    const onlyFilters = of('bfloat16', false, '1').mixed.bfloat16!
    expect(products.map((product) => onlyFilters(wide, product))).toEqual([false, false, true])
    expect(of('avx512', false, '1').float32.convolutions!(wide, 'output')).toBe(true)
    expect(of('amx', false, '0').mixed.bfloat16).toBeUndefined()
    expect(of('avx2', false, '0').float32.convolutions).toBeUndefined()
  })

  test('pad only if all are ours', () => {
    const pads = (machine: keyof typeof machines, wanted?: string) => {
      const { float32, mixed } = of(machine, false, wanted)
      return [float32.padsConvolutions, mixed.padsConvolutions]
    }
    expect(pads('avx2')).toEqual([true, false])
    expect(of('avx2', true).mixed.padsConvolutions).toBe(true)
    expect(pads('avx512')).toEqual([false, false])
    expect(pads('amx', '1')).toEqual([true, false])
    expect(pads('avx2', '0')).toEqual([false, false])
  })

  test('not on GPUs', () => {
    const { float32, mixed } = ownOperations({ ...machines.amx, gpu: true }, false, '1')
    expect([float32, mixed]).toEqual([
      { views: false, normalisation: false, padsConvolutions: false },
      { views: false, normalisation: false, padsConvolutions: false },
    ])
  })
})
