import * as tf from '@tensorflow/tfjs-core'
import { type BiasAndActivation, biasAndActivation } from './bias-and-activation.js'
import { summed } from './convolutions.js'
import { dispatch, storedType } from './dispatch.js'
import { tiledCorrelation } from './tiled-correlation.js'
import { tiledProduct } from './tiled-product.js'
import type { WebgpuBackend, WebgpuKernel } from './webgpu-backend.js'

/** Products of matrices and batches of them, transposed or not; if both are transposed, the backend's own kernel runs. */
const matrixProduct: WebgpuKernel = {
  kernelName: 'BatchMatMul',
  run: (backend, inputs, attrs) => product(backend, inputs, attrs as unknown as tf.BatchMatMulAttrs),
}

/** The same with bias and activation, as layers compute it. */
const fusedMatrixProduct: WebgpuKernel = {
  kernelName: '_FusedMatMul',
  run: (backend, inputs, attrs) => {
    const { activation, ...rest } = attrs as unknown as tf._FusedMatMulAttrs
    const { b } = inputs as { b: tf.TensorInfo }
    const last = biasAndActivation(backend, inputs, activation, b.shape.at(rest.transposeB ? -2 : -1)!)
    return last && product(backend, inputs, rest, last)
  },
}

export const matrixProducts: readonly WebgpuKernel[] = [matrixProduct, fusedMatrixProduct]

/** Undefined where the backend's own kernel runs. */
function product(
  backend: WebgpuBackend,
  inputs: { readonly [name: string]: tf.TensorInfo },
  { transposeA, transposeB }: tf.BatchMatMulAttrs,
  { tensors, ...last }: BiasAndActivation = { tensors: [] },
): tf.TensorInfo | undefined {
  const { a, b } = inputs as { a: tf.TensorInfo; b: tf.TensorInfo }
  const [rowsA, columnsA] = a.shape.slice(-2) as [number, number]
  const [rowsB, columnsB] = b.shape.slice(-2) as [number, number]
  const [m, k] = transposeA ? [columnsA, rowsA] : [rowsA, columnsA]
  const [inner, n] = transposeB ? [columnsB, rowsB] : [rowsB, columnsB]
  const [batchA, batchB] = [a, b].map(({ shape }) => shape.slice(0, -2)) as [number[], number[]]
  if (k !== inner || m * n * k === 0 || (transposeA && (transposeB || last.finish))) return undefined
  const [countA, countB] = [batchA, batchB].map(tf.util.sizeFromShape) as [number, number]
  // Products of integers are integers, which the backend's own kernel computes.
  if (tf.upcastType(a.dtype, b.dtype) !== 'float32') return undefined
  // Other broadcasts than of one matrix are left to the backend.
  if (batchA.join() !== batchB.join() && countA !== 1 && countB !== 1) return undefined
  const batch = tf.backend_util.assertAndGetBroadcastShape(batchA, batchB)
  const batches = tf.util.sizeFromShape(batch)
  if (batches === 0) return undefined
  const types = [storedType(backend, a), storedType(backend, b)] as const
  const ofA = countA === 1 ? '0u' : `batch * ${m * k}u`
  const ofB = countB === 1 ? '0u' : `batch * ${k * n}u`
  const shape = [...batch, m, n]
  if (transposeA) {
    const rowStart = `fn row_start(k: u32, tap: u32) -> i32 { return i32(${ofA} + k * ${m}u); }`
    const { parts, ...program } = tiledCorrelation({
      m,
      n,
      k,
      taps: 1,
      batches,
      rowStart,
      start: ofB,
      types,
    })
    return summed(backend, 'MatrixProduct', [a, b], program, parts, shape)
  }
  const out = backend.makeTensorInfo(shape, 'float32')
  const rowStart = `fn row_start(m: u32, tap: u32) -> i32 { return i32(${ofA} + m * ${k}u); }`
  const program = tiledProduct({
    m,
    n,
    k,
    taps: 1,
    batches,
    rowStart,
    tapStart: ofB,
    transposed: transposeB,
    types,
    ...last,
  })
  dispatch(backend, { name: 'MatrixProduct', tensors: [a, b, out, ...tensors], ...program })
  return out
}
