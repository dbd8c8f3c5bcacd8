import * as tf from '@tensorflow/tfjs-core'
import { dispatch, elementwise, storedType, typeOf } from './dispatch.js'
import type { WebgpuBackend, WebgpuKernel } from './webgpu-backend.js'

/** With fewer results than this, each is computed in parts. */
const FEW = 4096
const SHORTEST = 32

/** Max has another name for its axes than the others. */
interface ReductionAttrs {
  readonly axis?: number | number[]
  readonly reductionIndices?: number | number[]
  readonly keepDims: boolean
}

type Type = 'f32' | 'i32'

/** How two values become one, in WGSL, and what the first is joined to. */
interface Joining {
  readonly start: (type: Type) => string
  readonly join: (a: string, b: string) => string
}

const sum: Joining = { start: (type) => `${type}(0)`, join: (a, b) => `${a} + ${b}` }
const product: Joining = { start: (type) => `${type}(1)`, join: (a, b) => `${a} * ${b}` }
/** The larger (smaller) one, or NaN if there is one. */
const extreme = (compare: '>' | '<'): Joining => ({
  start: (type) => {
    const sign = compare === '>' ? '-' : ''
    return type === 'f32'
      ? `bitcast<f32>(${compare === '>' ? '0xff800000u' : '0x7f800000u'} + one - 1u)`
      : `i32(${sign}2147483647)`
  },
  join: (a, b) => `select(${a}, ${b}, ${b} ${compare} ${a} || is_nan(f32(${b})))`,
})

/** WGSL assumes that there are no NaNs, so a comparison of x with itself does not find them. */
const isNan = 'fn is_nan(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }'

/**
 * Reductions over adjacent axes, without barriers and in place; the backend's own kernels first transpose the tensor, and
 * those of integers and with kept axes are partly wrong.
 */
export const reductions: readonly WebgpuKernel[] = [
  kernel('Sum', sum, (x) => (x.dtype === 'bool' ? 'int32' : x.dtype)),
  kernel('Mean', sum, () => 'float32', true),
  kernel('Max', extreme('>'), (x) => x.dtype),
  kernel('Min', extreme('<'), (x) => x.dtype),
  kernel('Prod', product, (x) => (x.dtype === 'bool' ? 'int32' : x.dtype)),
]

function kernel(
  kernelName: string,
  joining: Joining,
  typeOfResult: (x: tf.TensorInfo) => tf.DataType,
  average = false,
): WebgpuKernel {
  return {
    kernelName,
    run: (backend, { x }, attrs) => {
      const { axis, reductionIndices, keepDims } = attrs as unknown as ReductionAttrs
      if (x!.dtype === 'complex64' || x!.dtype === 'string') return undefined
      const given = tf.util.parseAxisParam((axis ?? reductionIndices)!, x!.shape)
      const axes = [...(given.length > 0 ? given : x!.shape.keys())].sort((a, b) => a - b)
      const shape = x!.shape.flatMap((size, i) => (axes.includes(i) ? (keepDims ? [1] : []) : [size]))
      if (tf.util.sizeFromShape(x!.shape) === 0) return undefined
      const type = typeOfResult(x!)
      const out = backend.makeTensorInfo(shape, type)
      withAdjacent(x!, axes, (x, first, last) => {
        const inner = tf.util.sizeFromShape(x.shape.slice(last))
        const count = tf.util.sizeFromShape(x.shape.slice(first, last))
        reduce(backend, joining, x, out, { inner, count, scale: average ? 1 / count : 1 })
      })
      return out
    },
  }
}

/** Gives `use` the tensor with the axes next to each other, from `first` to before `last`. */
function withAdjacent(
  x: tf.TensorInfo,
  axes: readonly number[],
  use: (x: tf.TensorInfo, first: number, last: number) => void,
): void {
  const first = axes[0] ?? 0
  if (axes.every((axis, i) => axis === first + i)) {
    use(x, first, first + axes.length)
    return
  }
  const kept = [...x.shape.keys()].filter((axis) => !axes.includes(axis))
  const moved = tf.transpose(x as tf.Tensor, [...kept, ...axes])
  use(moved, kept.length, moved.rank)
  moved.dispose()
}

function reduce(
  backend: WebgpuBackend,
  { start, join }: Joining,
  x: tf.TensorInfo,
  out: tf.TensorInfo,
  { inner, count, scale }: { readonly inner: number; readonly count: number; readonly scale: number },
): void {
  const type = typeOf(out.dtype)
  const results = tf.util.sizeFromShape(out.shape)
  const parts =
    results < FEW ? Math.max(1, Math.min(Math.floor(count / SHORTEST), Math.ceil((4 * FEW) / results))) : 1
  const length = Math.ceil(count / parts)
  const scaled = scale === 1 ? 'value' : `value * ${scale}`
  const program = (from: Type, size: number, loop: string, result: string) =>
    elementwise(
      { x: from, y: `=${type}` },
      size,
      `let one = min(i, 0u) + 1u;
  var value = ${start(type)};
  ${loop}
  y[i] = ${result};`,
      isNan,
    )
  const stored = storedType(backend, x)
  // Invocation i computes part i / results of result i % results.
  const loop = `let result = i % ${results}u;
  let first = (i / ${results}u) * ${length}u;
  let base = (result / ${inner}u) * ${count * inner}u + result % ${inner}u;
  for (var k = first; k < min(${count}u, first + ${length}u); k++) {
    let next = ${type}(x[base + k * ${inner}u]);
    value = ${join('value', 'next')};
  }`
  if (parts === 1) {
    dispatch(backend, { name: 'Reduce', tensors: [x, out], ...program(stored, results, loop, scaled) })
    return
  }
  const partial = backend.makeTensorInfo([parts, results], out.dtype)
  dispatch(backend, {
    name: 'ReduceParts',
    tensors: [x, partial],
    ...program(stored, parts * results, loop, 'value'),
  })
  const rest = `for (var part = 0u; part < ${parts}u; part++) {
    let next = x[part * ${results}u + i];
    value = ${join('value', 'next')};
  }`
  dispatch(backend, { name: 'Reduce', tensors: [partial, out], ...program(type, results, rest, scaled) })
  backend.disposeData(partial.dataId)
}
