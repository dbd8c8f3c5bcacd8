import * as tf from '@tensorflow/tfjs-core'
import { type BiasAndActivation, biasAndActivation } from './bias-and-activation.js'
import { dispatch, storedType } from './dispatch.js'
import { sumParts } from './sum-parts.js'
import { tiledCorrelation } from './tiled-correlation.js'
import { tiledProduct } from './tiled-product.js'
import type { WebgpuBackend, WebgpuKernel } from './webgpu-backend.js'

type Info = tf.backend_util.Conv2DInfo

/** Forward: pixels of the output times taps of the filter. The padding is not written to memory. */
const conv2D: WebgpuKernel = {
  kernelName: 'Conv2D',
  run: (backend, inputs, attrs) => forward(backend, inputs, attrs as unknown as tf.Conv2DAttrs),
}

/** The same with bias and activation, as layers compute it. */
const fusedConv2D: WebgpuKernel = {
  kernelName: 'FusedConv2D',
  run: (backend, inputs, attrs) => {
    const { activation, ...rest } = attrs as unknown as tf.FusedConv2DAttrs
    const last = biasAndActivation(backend, inputs, activation, inputs.filter!.shape[3]!)
    return last && forward(backend, inputs, rest, last)
  },
}

function forward(
  backend: WebgpuBackend,
  inputs: { readonly [name: string]: tf.TensorInfo },
  { strides, pad, dilations, dimRoundingMode, dataFormat }: tf.Conv2DAttrs,
  last?: BiasAndActivation,
): tf.TensorInfo | undefined {
  const { x, filter } = inputs as { x: tf.TensorInfo; filter: tf.TensorInfo }
  const info = infoOf(x.shape, filter.shape, { strides, pad, dilations, dimRoundingMode, dataFormat })
  if (!info) return undefined
  const { inHeight, inWidth, inChannels, outHeight, outWidth, outChannels, batchSize } = info
  const sizes = {
    m: batchSize * outHeight * outWidth,
    n: outChannels,
    k: inChannels,
    transposed: false,
    tapStart: `tap * ${inChannels * outChannels}u`,
    rowStart: inputOfOutput(info, `(image * ${inHeight} + y) * ${inWidth} + x`, inChannels),
  }
  return product(backend, 'Convolution', [x, filter], info, info.outShape, sizes, last)
}

/** Gradient of the input: pixels of the input times taps, where the stride has a pixel of the output. */
const conv2DBackpropInput: WebgpuKernel = {
  kernelName: 'Conv2DBackpropInput',
  run: (backend, inputs, attrs) => {
    const { dy, filter } = inputs as { dy: tf.TensorInfo; filter: tf.TensorInfo }
    const { inputShape, ...rest } = attrs as unknown as tf.Conv2DBackpropInputAttrs
    const info = infoOf(inputShape, filter.shape, rest)
    // A transposed convolution may ask for another size than its padding says.
    if (!info || !tf.util.arraysEqual(info.outShape, dy.shape)) return undefined
    const { inHeight, inWidth, inChannels, outHeight, outWidth, outChannels, batchSize } = info
    const { strideHeight, strideWidth, dilationHeight, dilationWidth } = info
    return product(backend, 'ConvolutionInputGradient', [dy, filter], info, info.inShape, {
      m: batchSize * inHeight * inWidth,
      n: inChannels,
      k: outChannels,
      transposed: true,
      tapStart: `tap * ${inChannels * outChannels}u`,
      rowStart: `fn row_start(m: u32, tap: u32) -> i32 {
  let image = i32(m / ${inHeight * inWidth}u);
  let y = i32((m / ${inWidth}u) % ${inHeight}u) + ${info.padInfo.top} - i32(tap / ${info.filterWidth}u) * ${dilationHeight};
  let x = i32(m % ${inWidth}u) + ${info.padInfo.left} - i32(tap % ${info.filterWidth}u) * ${dilationWidth};
  if (y < 0 || x < 0 || y % ${strideHeight} != 0 || x % ${strideWidth} != 0) { return -1; }
  let oy = y / ${strideHeight};
  let ox = x / ${strideWidth};
  if (oy >= ${outHeight} || ox >= ${outWidth}) { return -1; }
  return ((image * ${outHeight} + oy) * ${outWidth} + ox) * ${outChannels};
}`,
    })
  },
}

/** Gradient of the filter: outer products over the pixels of the output. */
const conv2DBackpropFilter: WebgpuKernel = {
  kernelName: 'Conv2DBackpropFilter',
  run: (backend, inputs, attrs) => {
    const { x, dy } = inputs as { x: tf.TensorInfo; dy: tf.TensorInfo }
    const { filterShape, ...rest } = attrs as unknown as tf.Conv2DBackpropFilterAttrs
    const info = infoOf(x.shape, filterShape, rest)
    if (!info || !tf.util.arraysEqual(info.outShape, dy.shape)) return undefined
    const { inHeight, inWidth, inChannels, outHeight, outWidth, outChannels, batchSize } = info
    const { parts, ...program } = tiledCorrelation({
      m: inChannels,
      n: outChannels,
      k: batchSize * outHeight * outWidth,
      taps: info.filterHeight * info.filterWidth,
      rowStart: inputOfOutput(info, `(image * ${inHeight} + y) * ${inWidth} + x`, inChannels),
      types: [storedType(backend, x), storedType(backend, dy)],
    })
    return summed(backend, 'ConvolutionFilterGradient', [x, dy], program, parts, info.filterShape)
  },
}

export const convolutions: readonly WebgpuKernel[] = [
  conv2D,
  fusedConv2D,
  conv2DBackpropInput,
  conv2DBackpropFilter,
]

/** Runs a program that leaves parts of sums, and adds these up. */
export function summed(
  backend: WebgpuBackend,
  name: string,
  inputs: readonly tf.TensorInfo[],
  program: { readonly code: string; readonly workgroups: number },
  parts: number,
  shape: readonly number[],
): tf.TensorInfo {
  const sums = backend.makeTensorInfo(parts === 1 ? shape : [parts, ...shape], 'float32')
  dispatch(backend, { name, tensors: [...inputs, sums], ...program })
  if (parts === 1) return sums
  const out = sumParts(backend, sums, parts, shape)
  backend.disposeData(sums.dataId)
  return out
}

/** Runs a product of pixels and the taps of a filter. */
function product(
  backend: WebgpuBackend,
  name: string,
  [pixels, filter]: readonly [tf.TensorInfo, tf.TensorInfo],
  { filterHeight, filterWidth }: Info,
  shape: readonly number[],
  sizes: Omit<Parameters<typeof tiledProduct>[0], 'taps' | 'types'>,
  { tensors, ...last }: BiasAndActivation = { tensors: [] },
): tf.TensorInfo {
  const out = backend.makeTensorInfo(shape, 'float32')
  const types = [storedType(backend, pixels), storedType(backend, filter)] as const
  const program = tiledProduct({ ...sizes, taps: filterHeight * filterWidth, types, ...last })
  dispatch(backend, { name, tensors: [pixels, filter, out, ...tensors], ...program })
  return out
}

/** WGSL of `row_start`: the pixel of the input that belongs to a pixel of the output and a tap. */
function inputOfOutput(info: Info, pixel: string, channels: number): string {
  const { outHeight, outWidth, inHeight, inWidth, padInfo } = info
  return `fn row_start(m: u32, tap: u32) -> i32 {
  let image = i32(m / ${outHeight * outWidth}u);
  let y = i32((m / ${outWidth}u) % ${outHeight}u) * ${info.strideHeight} - ${padInfo.top} + i32(tap / ${info.filterWidth}u) * ${info.dilationHeight};
  let x = i32(m % ${outWidth}u) * ${info.strideWidth} - ${padInfo.left} + i32(tap % ${info.filterWidth}u) * ${info.dilationWidth};
  if (y < 0 || x < 0 || y >= ${inHeight} || x >= ${inWidth}) { return -1; }
  return (${pixel}) * ${channels};
}`
}

/** Sizes of a convolution with channels last; undefined for others, or if there is nothing to compute. */
function infoOf(
  inputShape: readonly number[],
  filterShape: readonly number[],
  {
    strides,
    pad,
    dilations = 1,
    dimRoundingMode,
    dataFormat,
  }: Pick<tf.Conv2DAttrs, 'strides' | 'pad' | 'dataFormat'> &
    Partial<Pick<tf.Conv2DAttrs, 'dilations' | 'dimRoundingMode'>>,
): Info | undefined {
  if (dataFormat === 'NCHW') return undefined
  const info = tf.backend_util.computeConv2DInfo(
    inputShape as [number, number, number, number],
    filterShape as [number, number, number, number],
    strides,
    dilations,
    pad,
    dimRoundingMode,
  )
  const sizes = [...info.inShape, ...info.outShape, ...info.filterShape]
  return sizes.every((size) => size > 0) ? info : undefined
}
