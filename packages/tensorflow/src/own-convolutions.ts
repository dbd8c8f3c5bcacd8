import * as tf from '@tensorflow/tfjs-core'
import { attributeKinds } from './addon.js'
import type { TensorflowBackend } from './backend.js'

/**
 * Convolutions and their gradients by the addon's own operations (src/native/convolution.h) on processors that they
 * are made for, about twice as fast there as oneDNN's: Winograd's for 3x3 filters in steps of one pixel. Others stay
 * TensorFlow's: other dtypes, dilated, few channels, 1x1. `SELFSUP_CONVOLUTIONS=0` leaves all to TensorFlow, `1` takes
 * ours wherever they run. In compiled steps of mixed precision only the gradients of filters are ours, unless bfloat16 is
 * emulated.
 */
export function takeOverConvolutions(backendName: string): void {
  takeOver('Conv2D', backendName, ({ inputs, attrs, backend }) => {
    const { x, filter } = inputs as Record<'x' | 'filter', tf.TensorInfo>
    const info = suitable(attrs, x, x.shape, filter.shape)
    return info && run(backend, 'SelfsupConvolution', [x, filter], info, info.outShape)
  })
  takeOver('Conv2DBackpropInput', backendName, ({ inputs, attrs, backend }) => {
    const { dy, filter } = inputs as Record<'dy' | 'filter', tf.TensorInfo>
    const { inputShape } = attrs as unknown as tf.Conv2DBackpropInputAttrs
    const info = suitable(attrs, dy, inputShape, filter.shape)
    return info && run(backend, 'SelfsupConvolutionInput', [dy, filter], info, inputShape)
  })
  takeOver('Conv2DBackpropFilter', backendName, filterGradient('SelfsupConvolutionFilter'))
  takeOver(
    'Conv2DBackpropFilter',
    backendName,
    filterGradient('SelfsupConvolutionFilterBfloat16'),
    (backend, inputs) => backend.fused.bfloat16 && !backend.staysFloat32(inputs),
  )
  takeOver('FusedConv2D', backendName, ({ inputs, attrs, backend }) => {
    const { x, filter, bias, preluActivationWeights } = inputs as Record<string, tf.Tensor | undefined>
    const { activation, leakyreluAlpha } = attrs as unknown as tf.FusedConv2DAttrs
    const info = suitable(attrs, x!, x!.shape, filter!.shape as FourSides)
    if (!info) return undefined
    return tf.tidy(() => {
      const convolved = run(backend, 'SelfsupConvolution', [x!, filter!], info, info.outShape)
      const sum = bias ? tf.add(convolved, bias) : convolved
      return (backend as TensorflowBackend).applyActivation(
        sum,
        activation,
        preluActivationWeights,
        leakyreluAlpha,
      )
    })
  })
}

/** The gradient of a convolution's filter by one of our operations. */
function filterGradient(name: string): Own {
  return ({ inputs, attrs, backend }) => {
    const { x, dy } = inputs as Record<'x' | 'dy', tf.TensorInfo>
    const { filterShape } = attrs as unknown as tf.Conv2DBackpropFilterAttrs
    const info = suitable(attrs, dy, x.shape, filterShape)
    return info && run(backend, name, [x, dy], info, filterShape)
  }
}

type Own = (call: Parameters<tf.KernelFunc>[0]) => tf.TensorInfo | undefined
type FourSides = [number, number, number, number]

/** Puts `own` before a kernel of tfjs-node, which runs where `own` has no answer or is not to be taken. */
function takeOver(
  kernelName: string,
  backendName: string,
  own: Own,
  taken = ({ fused }: TensorflowBackend, _inputs: tf.TensorInfo[]) => fused.convolutions,
): void {
  const kernel = tf.getKernel(kernelName, backendName)
  tf.unregisterKernel(kernelName, backendName)
  tf.registerKernel({
    ...kernel,
    kernelFunc: (call) =>
      (taken(call.backend as TensorflowBackend, Object.values(call.inputs) as tf.TensorInfo[])
        ? own(call)
        : undefined) ?? kernel.kernelFunc(call),
  })
}

/** What the convolution is, if it is one that our operations are for. */
function suitable(
  attrs: tf.NamedAttrMap | undefined,
  { dtype }: tf.TensorInfo,
  pictures: readonly number[],
  filters: readonly number[],
): tf.backend_util.Conv2DInfo | undefined {
  const { strides, pad, dataFormat, dilations, dimRoundingMode } = attrs as unknown as tf.Conv2DAttrs
  const [rows, columns, channels, outputs] = filters as FourSides
  const unusual = dtype !== 'float32' || (dataFormat ?? 'NHWC') !== 'NHWC' || rows * columns === 1
  if (unusual || channels % 16 !== 0 || outputs % 16 !== 0) return undefined
  const info = tf.backend_util.computeConv2DInfo(
    pictures as FourSides,
    filters as FourSides,
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
  )
  const plain =
    info.dilationHeight === 1 && info.dilationWidth === 1 && info.strideHeight === info.strideWidth
  return plain && info.batchSize > 0 ? info : undefined
}

function run(
  backend: unknown,
  name: string,
  inputs: tf.TensorInfo[],
  { strideHeight, padInfo }: tf.backend_util.Conv2DInfo,
  shape: readonly number[],
): tf.Tensor {
  const int = (attribute: string, value: number | readonly number[]) => ({
    name: attribute,
    type: attributeKinds.TF_ATTR_INT,
    value,
  })
  const attributes = [
    int('stride', strideHeight),
    int('top', padInfo.top),
    int('left', padInfo.left),
    int('shape', shape),
  ]
  return (backend as TensorflowBackend).executeSingleOutput(name, attributes, inputs)
}
