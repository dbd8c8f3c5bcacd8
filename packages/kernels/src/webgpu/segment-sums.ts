import * as tf from '@tensorflow/tfjs-core'
import { dispatch, elementwise, storedType, typeOf } from './dispatch.js'
import type { WebgpuKernel } from './webgpu-backend.js'

/** With more rows than this, each column is added up by one invocation. */
const MOST_ROWS = 4096

/**
 * Sums of rows with the same number, the gradient of a gather. It adds in the order of the rows; the backend's own kernel adds in
 * any order, so that the bits of a training differ from run to run. Rows with a negative number, or one beyond the last segment, are
 * left out.
 */
const unsortedSegmentSum: WebgpuKernel = {
  kernelName: 'UnsortedSegmentSum',
  run: (backend, inputs, attrs) => {
    const { x, segmentIds } = inputs as { x: tf.TensorInfo; segmentIds: tf.TensorInfo }
    const { numSegments } = attrs as unknown as tf.UnsortedSegmentSumAttrs
    const rows = tf.util.sizeFromShape(segmentIds.shape)
    const shape = [numSegments, ...x.shape.slice(segmentIds.shape.length)]
    const columns = tf.util.sizeFromShape(shape.slice(1))
    if (rows * columns * numSegments === 0 || (x.dtype !== 'float32' && x.dtype !== 'int32')) return undefined
    const out = backend.makeTensorInfo(shape, x.dtype)
    const type = typeOf(x.dtype)
    dispatch(backend, {
      name: 'Zeros',
      tensors: [out],
      ...elementwise({ y: `=${type}` }, columns * numSegments, `y[i] = ${type}(0);`),
    })
    const inSegments = (id: string) => `${id} >= 0 && ${id} < ${numSegments}`
    // Either each row that is the first of its segment adds up the others, or each column goes through all rows.
    const parallel = rows <= MOST_ROWS
    const body = parallel
      ? `let row = i / ${columns}u;
  let column = i % ${columns}u;
  let id = i32(ids[row]);
  if (!(${inSegments('id')})) { return; }
  for (var k = 0u; k < row; k++) { if (i32(ids[k]) == id) { return; } }
  var sum = ${type}(x[i]);
  for (var k = row + 1u; k < ${rows}u; k++) { if (i32(ids[k]) == id) { sum += ${type}(x[k * ${columns}u + column]); } }
  y[u32(id) * ${columns}u + column] = sum;`
      : `for (var row = 0u; row < ${rows}u; row++) {
    let id = i32(ids[row]);
    if (${inSegments('id')}) { y[u32(id) * ${columns}u + i] += ${type}(x[row * ${columns}u + i]); }
  }`
    dispatch(backend, {
      name: 'SegmentSums',
      tensors: [x, segmentIds, out],
      ...elementwise(
        { x: storedType(backend, x), ids: storedType(backend, segmentIds), y: `=${type}` },
        parallel ? rows * columns : columns,
        body,
      ),
    })
    return out
  },
}

/**
 * How often each number occurs, or the sum of its weights. The backend's own program is not valid WGSL where the counts are floats.
 */
const bincount = (kernelName: 'Bincount' | 'DenseBincount'): WebgpuKernel => ({
  kernelName,
  run: (backend, inputs, attrs) => {
    const { x, weights } = inputs as { x: tf.TensorInfo; weights: tf.TensorInfo }
    const { size, binaryOutput = false } = attrs as unknown as tf.DenseBincountAttrs
    const inRows = kernelName === 'DenseBincount' && x.shape.length === 2
    const [rows, length] = inRows ? (x.shape as [number, number]) : [1, tf.util.sizeFromShape(x.shape)]
    if (rows * length * size === 0) return undefined
    const weighted = tf.util.sizeFromShape(weights.shape) > 0
    const out = backend.makeTensorInfo(inRows ? [rows, size] : [size], weights.dtype)
    const type = typeOf(weights.dtype)
    const one = weighted && !binaryOutput ? `${type}(w[at])` : `${type}(1)`
    const body = `let bin = i32(i % ${size}u);
  var sum = ${type}(0);
  for (var at = (i / ${size}u) * ${length}u; at < (i / ${size}u + 1u) * ${length}u; at++) {
    if (i32(x[at]) == bin) { sum ${binaryOutput ? '=' : '+='} ${one}; }
  }
  y[i] = sum;`
    const used = weighted && !binaryOutput
    dispatch(backend, {
      name: kernelName,
      tensors: [x, ...(used ? [weights] : []), out],
      ...elementwise(
        { x: storedType(backend, x), ...(used && { w: storedType(backend, weights) }), y: `=${type}` },
        rows * size,
        body,
      ),
    })
    return out
  },
})

export const segmentSums: readonly WebgpuKernel[] = [
  unsortedSegmentSum,
  bincount('Bincount'),
  bincount('DenseBincount'),
]
