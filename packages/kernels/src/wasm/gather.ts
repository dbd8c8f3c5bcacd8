import * as tf from '@tensorflow/tfjs-core'
import { stridedCopy } from './strided-copy.js'
import { floats, type WasmKernel } from './wasm-backend.js'

/** Gathers rows by index. The backend's own kernel looks up every single value, which is 10 times slower for long rows. */
export const gather: WasmKernel = {
  kernelName: 'GatherV2',
  run: (backend, inputs, attrs) => {
    const { x, indices } = inputs as { x: tf.TensorInfo; indices: tf.TensorInfo }
    const { axis, batchDims } = attrs as unknown as tf.GatherV2Attrs
    if (x.dtype === 'string') return undefined
    const along = tf.util.parseAxisParam(axis, x.shape)[0]!
    const sizes = tf.backend_util.segment_util.collectGatherOpShapeInfo(
      x as tf.Tensor,
      indices as tf.Tensor,
      along,
      batchDims,
    )
    const out = backend.makeOutput(sizes.outputShape, x.dtype)
    const numbers = backend.typedArrayFromHeap(indices)
    const source = backend.typedArrayFromHeap(x)
    const target = backend.typedArrayFromHeap(out)
    const { batchSize, outerSize, dimSize, sliceSize } = sizes
    const row = [{ count: sliceSize, stride: 1 }]
    const count = numbers.length / batchSize
    for (let slot = 0, to = 0; slot < batchSize * outerSize; slot++) {
      const first = Math.floor(slot / outerSize) * count
      for (let i = first; i < first + count; i++, to += sliceSize) {
        const number = numbers[i]!
        if (number < 0 || number >= dimSize) {
          throw new Error(`gather: indices must be from 0 to ${dimSize - 1}; got ${number}`)
        }
        const from = (slot * dimSize + number) * sliceSize
        if (sliceSize === 1) target[to] = source[from]!
        else stridedCopy(target.subarray(to, to + sliceSize), source, row, from)
      }
    }
    return out
  },
}

/** The gradient of gathering, which is missing in the backend: sums rows by segment; ignores negative segment ids. */
export const unsortedSegmentSum: WasmKernel = {
  kernelName: 'UnsortedSegmentSum',
  run: (backend, inputs, attrs) => {
    const { x, segmentIds } = inputs as { x: tf.TensorInfo; segmentIds: tf.TensorInfo }
    const { numSegments } = attrs as unknown as tf.UnsortedSegmentSumAttrs
    const idRank = segmentIds.shape.length
    const rowShape = x.shape.slice(idRank)
    const out = backend.makeOutput([numSegments, ...rowShape], x.dtype)
    const numbers = backend.typedArrayFromHeap(segmentIds)
    const source = floats(backend, x)
    const target = floats(backend, out)
    const size = tf.util.sizeFromShape(rowShape)
    target.fill(0)
    numbers.forEach((number, i) => {
      if (number < 0) return
      if (number >= numSegments) {
        throw new Error(`unsortedSegmentSum: ids must be below ${numSegments}; got ${number}`)
      }
      const to = number * size
      const from = i * size
      for (let j = 0; j < size; j++) target[to + j]! += source[from + j]!
    })
    return out
  },
}
