import * as tf from '@tensorflow/tfjs-core'
import { multiplication } from './matrix-product.js'
import { addressOf, floats, type WasmBackend, type WasmKernel, withView } from './wasm-backend.js'

/**
 * The gradient of a convolution's filter, which is missing in the WebAssembly backend. It is a matrix product of the
 * inputs under each tap of the filter, [taps x input channels, positions], and the output's gradient [positions, output
 * channels].
 *
 * The inputs under the taps of one filter row are laid out with spare rows above and below the image. The inputs of the
 * next filter row are then the same memory, starting one line later, and need no copy: values that run over from the end
 * of one channel into the next are multiplied by zeros. Only if the image has so few rows that the spare rows would cost
 * more than copies, each filter row has its own copy.
 */
export const conv2DBackpropFilter: WasmKernel = {
  kernelName: 'Conv2DBackpropFilter',
  run: (backend, inputs, attrs) => {
    const { x, dy } = inputs as { x: tf.TensorInfo; dy: tf.TensorInfo }
    const { strides, pad, dimRoundingMode, dataFormat, filterShape } =
      attrs as unknown as tf.Conv2DBackpropFilterAttrs
    if (dataFormat !== 'NHWC') throw new Error(`conv2d: WebAssembly trains NHWC only; got ${dataFormat}`)
    const shape = x.shape as [number, number, number, number]
    const convolution = tf.backend_util.computeConv2DInfo(
      shape,
      filterShape,
      strides,
      1,
      pad,
      dimRoundingMode,
    )
    return filterGradient(backend, x, dy, convolution)
  },
}

function filterGradient(
  backend: WasmBackend,
  x: tf.TensorInfo,
  dy: tf.TensorInfo,
  convolution: tf.backend_util.Conv2DInfo,
): tf.TensorInfo {
  const { filterShape, batchSize, inChannels, outChannels, filterHeight, filterWidth } = convolution
  const gradient = backend.makeOutput(filterShape, 'float32')
  floats(backend, gradient).fill(0)
  if (tf.util.sizeFromShape(dy.shape) === 0 || tf.util.sizeFromShape(x.shape) === 0) return gradient

  const grid = layOut(convolution)
  const { size, width, copies } = grid
  const rowOfTaps = filterWidth * inChannels
  const seen = backend.makeOutput([copies * rowOfTaps * size + grid.below * width], 'float32')
  const signals = backend.makeOutput([size, outChannels], 'float32')
  const part = backend.makeOutput(filterShape, 'float32')
  floats(backend, seen).fill(0)
  const multiply = multiplication(backend)
  const [atSeen, atSignals, atPart] = [seen, signals, part].map((tensor) => addressOf(backend, tensor)) as [
    number,
    number,
    number,
  ]
  // Filter rows with their own copies are additional rows of one product.
  const rowsAtOnce = copies === filterHeight ? filterHeight : 1
  const m = rowsAtOnce * rowOfTaps

  for (let first = 0; first < batchSize * grid.bandsPerImage; first += grid.bands) {
    fillSeen(floats(backend, seen), floats(backend, x), convolution, grid, first)
    fillSignals(floats(backend, signals), floats(backend, dy), convolution, grid, first)
    withView(backend, atSignals, size * outChannels, (b) => {
      for (let row = 0; row < filterHeight; row += rowsAtOnce) {
        const from = (row % copies) * rowOfTaps * size + Math.floor(row / copies) * width
        withView(backend, atSeen + 4 * from, m * size, (a) => {
          withView(backend, atPart + 4 * row * rowOfTaps * outChannels, m * outChannels, (out) => {
            multiply(a, b, out, { m, k: size, n: outChannels })
          })
        })
      }
    })
    const sum = floats(backend, gradient)
    const summand = floats(backend, part)
    for (let i = 0; i < sum.length; i++) sum[i]! += summand[i]!
  }
  for (const { dataId } of [seen, signals, part]) backend.disposeData(dataId)
  return gradient
}

/** How images are split into bands of rows, and bands combined for one product. */
interface Grid {
  /** output rows per band */
  readonly rows: number
  /** spare rows below them */
  readonly below: number
  readonly width: number
  readonly bandsPerImage: number
  /** bands per product */
  readonly bands: number
  /** positions of all bands of one product */
  readonly size: number
  /** number of filter rows with their own copy */
  readonly copies: number
}

function layOut(convolution: tf.backend_util.Conv2DInfo): Grid {
  const { batchSize, outHeight, outWidth: width, outChannels, filterHeight, strideHeight } = convolution
  const shared = Math.floor((filterHeight - 1) / strideHeight)
  const costly = (shared / outHeight) * outChannels > COPY_COST || convolution.inChannels < FEW_CHANNELS
  const below = costly ? 0 : shared
  const copies = costly ? filterHeight : Math.min(strideHeight, filterHeight)
  // Long enough to be worth a call, short enough for the factors to stay in the cache.
  const factors = copies * convolution.filterWidth * convolution.inChannels + outChannels
  const positions = Math.min(8192, Math.max(512, Math.ceil(2 ** 19 / factors)))
  const rows = Math.min(outHeight, Math.ceil(positions / width))
  const bandsPerImage = Math.ceil(outHeight / rows)
  const bands = Math.min(
    batchSize * bandsPerImage,
    Math.max(1, Math.round(positions / ((rows + below) * width))),
  )
  return {
    rows,
    below,
    width,
    bandsPerImage,
    bands,
    size: bands * (rows + below) * width,
    copies,
  }
}

/** Cost of copying a value, in multiplications by one output channel. */
const COPY_COST = 40

/** With at most this many channels, the product for one filter row is too small. */
const FEW_CHANNELS = 8

/** The inputs under the taps, as [filter row, filter column, channel, band, row, column]; zero outside the image. */
function fillSeen(
  seen: Float32Array,
  x: Float32Array,
  convolution: tf.backend_util.Conv2DInfo,
  { rows, below, width, bandsPerImage, bands, size, copies }: Grid,
  first: number,
): void {
  const { inChannels, inHeight, inWidth, strideHeight, strideWidth, padInfo, batchSize } = convolution
  const { filterWidth } = convolution
  const step = strideWidth * inChannels
  const block = inChannels * size
  // Without a stride, inputs of adjacent taps are the same, shifted by one: only one of them is gathered from x.
  const shifted = strideWidth === 1 && width === inWidth && padInfo.left < filterWidth
  for (let tap = 0; tap < copies * filterWidth; tap++) {
    const column = tap % filterWidth
    if (shifted && column !== padInfo.left) continue
    const up = Math.floor(tap / filterWidth) - padInfo.top
    const left = column - padInfo.left
    const begin = Math.max(0, Math.ceil(-left / strideWidth))
    const end = Math.min(width, Math.floor((inWidth - 1 - left) / strideWidth) + 1)
    for (let line = 0; line < bands * (rows + below); line++) {
      const band = first + Math.floor(line / (rows + below))
      const image = Math.floor(band / bandsPerImage)
      const h = ((band % bandsPerImage) * rows + (line % (rows + below))) * strideHeight + up
      const inside = h >= 0 && h < inHeight && image < batchSize
      const start = ((image * inHeight + h) * inWidth + begin * strideWidth + left) * inChannels
      for (let channel = 0; channel < inChannels; channel++) {
        const to = tap * block + channel * size + line * width
        if (!inside) seen.fill(0, to, to + width)
        else for (let w = begin, from = start + channel; w < end; w++, from += step) seen[to + w] = x[from]!
      }
    }
    if (!shifted) continue
    for (let other = 0; other < filterWidth; other++) {
      if (other !== column)
        shift(seen, tap * block, (tap - column + other) * block, block, width, other - column)
    }
  }
}

/** Rows shifted by `by` columns (negative: the other direction), with zeros outside a row. */
function shift(seen: Float32Array, from: number, to: number, size: number, width: number, by: number): void {
  const missing = Math.min(width, Math.abs(by))
  if (by > 0) seen.copyWithin(to, from + by, from + size)
  else seen.copyWithin(to - by, from, from + size + by)
  for (let row = by > 0 ? to + width - missing : to; row < to + size; row += width) {
    for (let w = 0; w < missing; w++) seen[row + w] = 0
  }
}

/** The output's gradient as [band, row, column, channel], with zeros in the spare rows. */
function fillSignals(
  signals: Float32Array,
  dy: Float32Array,
  { outChannels, outHeight, outWidth, batchSize }: tf.backend_util.Conv2DInfo,
  { rows, below, bandsPerImage, bands }: Grid,
  first: number,
): void {
  signals.fill(0)
  const line = outWidth * outChannels
  for (let band = 0; band < bands; band++) {
    const image = Math.floor((first + band) / bandsPerImage)
    if (image >= batchSize) return
    const top = ((first + band) % bandsPerImage) * rows
    const from = (image * outHeight + top) * line
    const end = from + Math.min(rows, outHeight - top) * line
    signals.set(dy.subarray(from, end), band * (rows + below) * line)
  }
}
