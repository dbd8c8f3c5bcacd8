import * as tf from '@tensorflow/tfjs-core'
import { floats, type WasmKernel } from './wasm-backend.js'

/** Calls back for every output position and every tap that is inside the input, with their pixels. */
function eachSight(
  convolution: tf.backend_util.Conv2DInfo,
  see: (outPixel: number, inPixel: number, tap: number) => void,
): void {
  const { batchSize, inHeight, inWidth, outHeight, outWidth, strideHeight, strideWidth } = convolution
  const { effectiveFilterHeight, effectiveFilterWidth, dilationHeight, dilationWidth, padInfo } = convolution
  for (let line = 0; line < batchSize * outHeight; line++) {
    const image = Math.floor(line / outHeight)
    const top = (line % outHeight) * strideHeight - padInfo.top
    for (let column = 0; column < outWidth; column++) {
      const left = column * strideWidth - padInfo.left
      let tap = 0
      for (let i = 0; i < effectiveFilterHeight; i += dilationHeight) {
        for (let j = 0; j < effectiveFilterWidth; j += dilationWidth, tap++) {
          const h = top + i
          const w = left + j
          if (h < 0 || w < 0 || h >= inHeight || w >= inWidth) continue
          see(line * outWidth + column, (image * inHeight + h) * inWidth + w, tap)
        }
      }
    }
  }
}

/**
 * The gradient of max pooling, which goes to the first maximum of each window. The backend's own kernel searches for it
 * from every input position and is three times slower.
 */
export const maxPoolGrad: WasmKernel = {
  kernelName: 'MaxPoolGrad',
  run: (backend, inputs, attrs) => {
    const { dy, input } = inputs as { dy: tf.TensorInfo; input: tf.TensorInfo }
    const { filterSize, strides, pad, dimRoundingMode } = attrs as unknown as tf.MaxPoolGradAttrs
    const shape = input.shape as [number, number, number, number]
    const pooling = tf.backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode)
    const channels = pooling.inChannels
    const out = backend.makeOutput(input.shape, 'float32')
    const x = floats(backend, input)
    const signal = floats(backend, dy)
    const gradient = floats(backend, out)
    const largest = new Float32Array(channels)
    const where = new Int32Array(channels)
    let pixel = -1
    const deliver = () => {
      if (pixel < 0) return
      for (let c = 0; c < channels; c++) gradient[where[c]!]! += signal[pixel * channels + c]!
    }
    gradient.fill(0)
    eachSight(pooling, (outPixel, inPixel) => {
      if (outPixel !== pixel) {
        deliver()
        pixel = outPixel
        largest.fill(Number.NEGATIVE_INFINITY)
        where.fill(inPixel * channels)
        for (let c = 0; c < channels; c++) where[c]! += c
      }
      for (let c = 0, at = inPixel * channels; c < channels; c++, at++) {
        if (x[at]! > largest[c]!) {
          largest[c] = x[at]!
          where[c] = at
        }
      }
    })
    deliver()
    return out
  },
}

/**
 * The gradient of average pooling. The backend's own kernel divides by the full window size even for windows that cross
 * the edge, although the average is over the values inside.
 */
export const avgPoolGrad: WasmKernel = {
  kernelName: 'AvgPoolGrad',
  run: (backend, inputs, attrs) => {
    const { dy, input } = inputs as { dy: tf.TensorInfo; input: tf.TensorInfo }
    const { filterSize, strides, pad } = attrs as unknown as tf.AvgPoolGradAttrs
    const shape = input.shape as [number, number, number, number]
    const pooling = tf.backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad)
    const channels = pooling.inChannels
    const out = backend.makeOutput(input.shape, 'float32')
    const signal = floats(backend, dy)
    const gradient = floats(backend, out)
    const inside = new Float32Array(pooling.batchSize * pooling.outHeight * pooling.outWidth)
    gradient.fill(0)
    eachSight(pooling, (outPixel) => {
      inside[outPixel]!++
    })
    eachSight(pooling, (outPixel, inPixel) => {
      const share = 1 / inside[outPixel]!
      for (let c = 0, to = inPixel * channels, from = outPixel * channels; c < channels; c++) {
        gradient[to++]! += signal[from++]! * share
      }
    })
    return out
  },
}

/** The gradient of a depthwise convolution's input, which is missing in the backend. */
export const depthwiseBackpropInput: WasmKernel = {
  kernelName: 'DepthwiseConv2dNativeBackpropInput',
  run: (backend, inputs, attrs) => {
    const { dy, filter } = inputs as { dy: tf.TensorInfo; filter: tf.TensorInfo }
    const { inputShape } = attrs as unknown as tf.DepthwiseConv2dNativeBackpropInputAttrs
    const convolution = depthwise(inputShape, filter.shape, attrs)
    const multiplier = filter.shape[3]!
    const width = convolution.inChannels * multiplier
    const out = backend.makeOutput(inputShape, 'float32')
    const taps = floats(backend, filter)
    const signal = floats(backend, dy)
    const gradient = floats(backend, out)
    gradient.fill(0)
    eachSight(convolution, (outPixel, inPixel, tap) => {
      const to = inPixel * convolution.inChannels
      for (let c = 0, at = outPixel * width, own = tap * width; c < convolution.inChannels; c++) {
        for (let q = 0; q < multiplier; q++) gradient[to + c]! += signal[at++]! * taps[own++]!
      }
    })
    return out
  },
}

/** The gradient of a depthwise convolution's filter, which is missing in the backend. */
export const depthwiseBackpropFilter: WasmKernel = {
  kernelName: 'DepthwiseConv2dNativeBackpropFilter',
  run: (backend, inputs, attrs) => {
    const { x, dy } = inputs as { x: tf.TensorInfo; dy: tf.TensorInfo }
    const { filterShape } = attrs as unknown as tf.DepthwiseConv2dNativeBackpropFilterAttrs
    const convolution = depthwise(x.shape, filterShape, attrs)
    const multiplier = filterShape[3]
    const width = convolution.inChannels * multiplier
    const out = backend.makeOutput(filterShape, 'float32')
    const values = floats(backend, x)
    const signal = floats(backend, dy)
    const sums = new Float64Array(tf.util.sizeFromShape(filterShape))
    eachSight(convolution, (outPixel, inPixel, tap) => {
      const from = inPixel * convolution.inChannels
      for (let c = 0, at = outPixel * width, own = tap * width; c < convolution.inChannels; c++) {
        for (let q = 0; q < multiplier; q++) sums[own++]! += signal[at++]! * values[from + c]!
      }
    })
    floats(backend, out).set(sums)
    return out
  },
}

function depthwise(
  inputShape: readonly number[],
  filterShape: readonly number[],
  attrs: tf.NamedAttrMap,
): tf.backend_util.Conv2DInfo {
  type Shape = [number, number, number, number]
  const { strides, dilations, pad, dimRoundingMode } =
    attrs as unknown as tf.DepthwiseConv2dNativeBackpropInputAttrs
  return tf.backend_util.computeConv2DInfo(
    inputShape as Shape,
    filterShape as Shape,
    strides,
    dilations,
    pad,
    dimRoundingMode,
    true,
  )
}
