import * as tf from '@tensorflow/tfjs-core'
import { floats, type WasmBackend, type WasmKernel } from './wasm-backend.js'

/**
 * The gradient of a convolution's input as convolutions of the output's gradient with the flipped filter, which is ten
 * times as fast as the WebAssembly backend's own kernel. With a stride, each residue of the input's positions has
 * different taps: one small convolution per residue, with interleaved results.
 */
export const conv2DBackpropInput: WasmKernel = {
  kernelName: 'Conv2DBackpropInput',
  run: (backend, inputs, attrs) => {
    const { dy, filter } = inputs as unknown as { dy: tf.Tensor4D; filter: tf.Tensor4D }
    const { strides, pad, dimRoundingMode, dataFormat, inputShape } =
      attrs as unknown as tf.Conv2DBackpropInputAttrs
    if (dataFormat !== 'NHWC') throw new Error(`conv2d: WebAssembly trains NHWC only; got ${dataFormat}`)
    const convolution = tf.backend_util.computeConv2DInfo(
      inputShape,
      filter.shape,
      strides,
      1,
      pad,
      dimRoundingMode,
    )
    return tf.tidy(() => inputGradient(backend, dy, filter, convolution))
  },
}

function inputGradient(
  backend: WasmBackend,
  dy: tf.Tensor4D,
  filter: tf.Tensor4D,
  convolution: tf.backend_util.Conv2DInfo,
): tf.Tensor {
  const { inShape, inHeight, inWidth, filterHeight, filterWidth, padInfo } = convolution
  const { outHeight, outWidth, strideHeight, strideWidth } = convolution
  const rows = phases(inHeight, outHeight, filterHeight, strideHeight, padInfo.top)
  const columns = phases(inWidth, outWidth, filterWidth, strideWidth, padInfo.left)
  if (strideHeight === 1 && strideWidth === 1 && seesAny(rows[0]!) && seesAny(columns[0]!)) {
    return correlate(dy, flipped(filter, rows[0]!, columns[0]!), rows[0]!, columns[0]!)
  }
  const out = tf.engine().makeTensorFromTensorInfo(backend.makeOutput(inShape, 'float32'))
  floats(backend, out).fill(0)
  for (const row of rows) {
    for (const column of columns) {
      if (!seesAny(row) || !seesAny(column)) continue
      tf.tidy(() => {
        const part = correlate(dy, flipped(filter, row, column), row, column)
        interleave(floats(backend, out), floats(backend, part), convolution, row, column)
      })
    }
  }
  return out
}

/** The positions of one residue along one axis, and the parts of filter and dy that they depend on. */
interface Phase {
  /** first position */
  readonly first: number
  readonly stride: number
  /** number of positions */
  readonly count: number
  /** first tap */
  readonly tap: number
  /** number of taps, `stride` apart */
  readonly taps: number
  /** padding of dy before and after; negative to crop dy */
  readonly before: number
  readonly after: number
  /** length of dy */
  readonly outSize: number
}

function phases(size: number, outSize: number, filter: number, stride: number, pad: number): Phase[] {
  return Array.from({ length: Math.min(stride, size) }, (_, first) => {
    // Position p = first + stride * i contributes to y[o] through tap p + pad - stride * o.
    const tap = (first + pad) % stride
    const taps = Math.max(0, Math.ceil((filter - tap) / stride))
    const count = Math.ceil((size - first) / stride)
    const before = taps - 1 - Math.floor((first + pad) / stride)
    return { first, stride, count, tap, taps, before, after: count + taps - 1 - before - outSize, outSize }
  })
}

function seesAny({ taps, before, after, outSize }: Phase): boolean {
  return taps > 0 && outSize + Math.min(0, before) + Math.min(0, after) > 0
}

/** The taps of a phase in reverse order, from output channels to input channels. */
function flipped(filter: tf.Tensor4D, row: Phase, column: Phase): tf.Tensor4D {
  const [height, width, inChannels, outChannels] = filter.shape
  const own =
    row.stride === 1 && column.stride === 1
      ? filter
      : tf.stridedSlice(
          filter,
          [row.tap, column.tap, 0, 0],
          [height, width, inChannels, outChannels],
          [row.stride, column.stride, 1, 1],
        )
  return tf.transpose(tf.reverse(own, [0, 1]), [0, 1, 3, 2]) as tf.Tensor4D
}

function correlate(dy: tf.Tensor4D, filter: tf.Tensor4D, row: Phase, column: Phase): tf.Tensor4D {
  const [batch, height, width, channels] = dy.shape
  const skip = [row, column].map(({ before }) => Math.max(0, -before)) as [number, number]
  const surplus = [row, column].map(({ after }) => Math.max(0, -after)) as [number, number]
  const seen =
    Math.max(...skip, ...surplus) === 0
      ? dy
      : tf.slice(
          dy,
          [0, skip[0], skip[1], 0],
          [batch, height - skip[0] - surplus[0], width - skip[1] - surplus[1], channels],
        )
  const padding = ({ before, after }: Phase): [number, number] => [Math.max(0, before), Math.max(0, after)]
  return tf.conv2d(seen, filter, 1, [[0, 0], padding(row), padding(column), [0, 0]])
}

function interleave(
  out: Float32Array,
  part: Float32Array,
  { batchSize, inHeight, inWidth, inChannels }: tf.backend_util.Conv2DInfo,
  row: Phase,
  column: Phase,
): void {
  let from = 0
  for (let image = 0; image < batchSize; image++) {
    for (let i = 0; i < row.count; i++) {
      const line = (image * inHeight + row.first + i * row.stride) * inWidth + column.first
      for (let j = 0; j < column.count; j++) {
        const to = (line + j * column.stride) * inChannels
        for (let c = 0; c < inChannels; c++) out[to + c] = part[from++]!
      }
    }
  }
}
