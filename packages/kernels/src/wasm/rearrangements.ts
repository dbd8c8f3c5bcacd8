import * as tf from '@tensorflow/tfjs-core'
import { type StridedAxis, stridedCopy } from './strided-copy.js'
import type { WasmBackend, WasmKernel } from './wasm-backend.js'

/**
 * Slices, reversals and tiling. The backend's own kernels work value by value (20 to 30 times slower for long rows) or on
 * a copy of the whole input, and its StridedSlice returns integers as float32.
 */
export const rearrangements: readonly WasmKernel[] = [
  {
    kernelName: 'Slice',
    run: (backend, { x }, attrs) => {
      const { begin, size } = attrs as unknown as tf.SliceAttrs
      const [from, shape] = tf.slice_util.parseSliceParams(x as tf.Tensor, begin, size) as [
        number[],
        number[],
      ]
      tf.slice_util.assertParamsValid(x as tf.Tensor, from, shape)
      const strides = stridesOf(x!.shape)
      const axes = shape.map((count, axis) => ({ count, stride: strides[axis]! }))
      return rearrange(backend, x!, shape, axes, sumOfProducts(from, strides))
    },
  },

  {
    kernelName: 'StridedSlice',
    run: (backend, { x }, attrs) => {
      const { begin, end, strides, beginMask, endMask, ellipsisMask, newAxisMask, shrinkAxisMask } =
        attrs as unknown as tf.StridedSliceAttrs
      const slice = tf.slice_util.sliceInfo(
        x!.shape,
        begin,
        end,
        strides,
        beginMask,
        endMask,
        ellipsisMask,
        newAxisMask,
        shrinkAxisMask,
      )
      const own = stridesOf(x!.shape)
      const axes = tf.slice_util
        .computeOutShape(slice.begin, slice.end, slice.strides)
        .map((count, axis) => ({ count, stride: own[axis]! * slice.strides[axis]! }))
      return rearrange(backend, x!, slice.finalShape, axes, sumOfProducts(slice.begin, own))
    },
  },

  {
    kernelName: 'Reverse',
    run: (backend, { x }, attrs) => {
      const backwards = tf.util.parseAxisParam((attrs as unknown as tf.ReverseAttrs).dims, x!.shape)
      const strides = stridesOf(x!.shape)
      const last = x!.shape.map((count, axis) => (backwards.includes(axis) ? count - 1 : 0))
      const axes = x!.shape.map((count, axis) => ({
        count,
        stride: backwards.includes(axis) ? -strides[axis]! : strides[axis]!,
      }))
      return rearrange(backend, x!, x!.shape, axes, sumOfProducts(last, strides))
    },
  },

  // TensorFlow.js also uses this kernel for broadcastTo.
  {
    kernelName: 'Tile',
    run: (backend, { x }, attrs) => {
      const { reps } = attrs as unknown as tf.TileAttrs
      const strides = stridesOf(x!.shape)
      const axes = x!.shape.flatMap((count, axis) => [
        { count: reps[axis]!, stride: 0 },
        { count, stride: strides[axis]! },
      ])
      const shape = x!.shape.map((count, axis) => count * reps[axis]!)
      return rearrange(backend, x!, shape, axes, 0)
    },
  },
]

function rearrange(
  backend: WasmBackend,
  x: tf.TensorInfo,
  shape: readonly number[],
  axes: readonly StridedAxis[],
  offset: number,
): tf.TensorInfo | undefined {
  if (x.dtype === 'string') return undefined
  const out = backend.makeOutput(shape, x.dtype)
  stridedCopy(backend.typedArrayFromHeap(out), backend.typedArrayFromHeap(x), axes, offset)
  return out
}

/** Strides of all axes, including the last. */
function stridesOf(shape: readonly number[]): number[] {
  return shape.map((_, axis) => tf.util.sizeFromShape(shape.slice(axis + 1)))
}

function sumOfProducts(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0)
}
