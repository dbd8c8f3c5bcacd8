import * as tf from '@tensorflow/tfjs-core'
import { floats, type WasmBackend, type WasmKernel } from './wasm-backend.js'

/**
 * Sums and means over adjacent axes, as in batch normalisation and global pooling. They read the tensor once, in place,
 * and sum in double precision; the backend's own kernels first transpose the whole tensor.
 */
export const reductions: readonly WasmKernel[] = [
  {
    kernelName: 'Sum',
    run: (backend, { x }, attrs) => reduce(backend, x!, attrs as unknown as tf.SumAttrs, false),
  },
  {
    kernelName: 'Mean',
    run: (backend, { x }, attrs) => reduce(backend, x!, attrs as unknown as tf.MeanAttrs, true),
  },
]

function reduce(
  backend: WasmBackend,
  x: tf.TensorInfo,
  { axis, keepDims }: tf.SumAttrs,
  average: boolean,
): tf.TensorInfo | undefined {
  const axes = tf.util.parseAxisParam(axis, x.shape).sort((a, b) => a - b)
  const first = axes[0] ?? 0
  const together = axes.every((value, i) => value === first + i)
  if (x.dtype !== 'float32' || !together || axes.length === 0) return undefined
  const outer = tf.util.sizeFromShape(x.shape.slice(0, first))
  const inner = tf.util.sizeFromShape(x.shape.slice(first + axes.length))
  const count = tf.util.sizeFromShape(x.shape.slice(first, first + axes.length))
  const shape = x.shape.flatMap((size, i) => (axes.includes(i) ? (keepDims ? [1] : []) : [size]))
  const out = backend.makeOutput(shape, 'float32')
  const values = floats(backend, x)
  const results = floats(backend, out)
  const scale = average ? 1 / count : 1
  const sums = new Float64Array(inner)
  for (let i = 0; i < outer; i++) {
    const begin = i * count * inner
    const end = begin + count * inner
    if (inner === 1) results[i] = sumOf(values, begin, end) * scale
    else {
      sums.fill(0)
      for (let from = begin; from < end; from += inner) {
        for (let c = 0; c < inner; c++) sums[c]! += values[from + c]!
      }
      for (let c = 0; c < inner; c++) results[i * inner + c] = sums[c]! * scale
    }
  }
  return out
}

/** Sums in four independent accumulators, which a processor adds in parallel. */
function sumOf(values: Float32Array, begin: number, end: number): number {
  let [a, b, c, d] = [0, 0, 0, 0]
  let at = begin
  for (; at + 3 < end; at += 4) {
    a += values[at]!
    b += values[at + 1]!
    c += values[at + 2]!
    d += values[at + 3]!
  }
  for (; at < end; at++) a += values[at]!
  return a + b + c + d
}
