import * as tf from '@tensorflow/tfjs-core'
import { attributeKinds } from './addon.js'
import type { TensorflowBackend } from './backend.js'
import type { Product } from './own-operations.js'

/**
 * Replaces convolutions and their gradients with the addon's own operations (src/native/convolution.h) on processors
 * where these are faster: about twice as fast as oneDNN, with Winograd's algorithm for 3x3 filters of stride 1. With AVX-512,
 * only the latter are replaced; own-operations.ts chooses.
 * TensorFlow still computes other convolutions: other dtypes, dilated, few channels, 1x1 filters.
 * `SELFSUP_CONVOLUTIONS=0` uses TensorFlow for all, `1` uses ours wherever they run. Compiled steps in mixed precision
 * use those for bfloat16, unless it is emulated.
 */
export function overrideConvolutions(backendName: string): void {
  for (const [precision, end, enabled] of precisions) {
    overrideKernel('Conv2D', backendName, enabled, ({ inputs, attrs, backend }) => {
      const { x, filter } = inputs as Record<'x' | 'filter', tf.TensorInfo>
      const info = suitable({ backend, precision, product: 'output' }, attrs, x, x.shape, filter.shape)
      return info && run(backend, `SelfsupConvolution${end}`, [x, filter], info, info.outShape)
    })
    overrideKernel('Conv2DBackpropInput', backendName, enabled, ({ inputs, attrs, backend }) => {
      const { dy, filter } = inputs as Record<'dy' | 'filter', tf.TensorInfo>
      const { inputShape } = attrs as unknown as tf.Conv2DBackpropInputAttrs
      const info = suitable({ backend, precision, product: 'input' }, attrs, dy, inputShape, filter.shape)
      return info && run(backend, `SelfsupConvolutionInput${end}`, [dy, filter], info, inputShape)
    })
    overrideKernel('Conv2DBackpropFilter', backendName, enabled, ({ inputs, attrs, backend }) => {
      const { x, dy } = inputs as Record<'x' | 'dy', tf.TensorInfo>
      const { filterShape } = attrs as unknown as tf.Conv2DBackpropFilterAttrs
      const info = suitable({ backend, precision, product: 'filter' }, attrs, dy, x.shape, filterShape)
      return info && run(backend, `SelfsupConvolutionFilter${end}`, [x, dy], info, filterShape)
    })
  }
  overrideKernel('FusedConv2D', backendName, inFloat32, ({ inputs, attrs, backend }) => {
    const { x, filter, bias, preluActivationWeights } = inputs as Record<string, tf.Tensor | undefined>
    const { activation, leakyreluAlpha } = attrs as unknown as tf.FusedConv2DAttrs
    const which = { backend, precision: 'convolutions', product: 'output' } as const
    const info = suitable(which, attrs, x!, x!.shape, filter!.shape as FourSides)
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

type Enabled = (backend: TensorflowBackend, inputs: readonly tf.TensorInfo[]) => boolean
const inFloat32: Enabled = ({ fused }) => Boolean(fused.convolutions)
const inBfloat16: Enabled = (backend, inputs) =>
  Boolean(backend.fused.bfloat16) && !backend.staysFloat32(inputs)
const precisions = [
  ['convolutions', '', inFloat32],
  ['bfloat16', 'Bfloat16', inBfloat16],
] as const

type Own = (call: Parameters<tf.KernelFunc>[0]) => tf.TensorInfo | undefined
type FourSides = [number, number, number, number]

/** Calls `own` instead of a kernel of tfjs-node if `enabled`. If `own` returns undefined, the original kernel runs. */
function overrideKernel(kernelName: string, backendName: string, enabled: Enabled, own: Own): void {
  const kernel = tf.getKernel(kernelName, backendName)
  tf.unregisterKernel(kernelName, backendName)
  tf.registerKernel({
    ...kernel,
    kernelFunc: (call) =>
      (enabled(call.backend as TensorflowBackend, Object.values(call.inputs) as tf.TensorInfo[])
        ? own(call)
        : undefined) ?? kernel.kernelFunc(call),
  })
}

/** Which of our operations is asked for. */
interface Which {
  readonly backend: unknown
  readonly precision: 'convolutions' | 'bfloat16'
  readonly product: Product
}

/** The convolution's geometry if our operations support it and are to replace TensorFlow's, otherwise undefined. */
function suitable(
  { backend, precision, product }: Which,
  attrs: tf.NamedAttrMap | undefined,
  { dtype }: tf.TensorInfo,
  images: readonly number[],
  filters: readonly number[],
): tf.backend_util.Conv2DInfo | undefined {
  const { strides, pad, dataFormat, dilations, dimRoundingMode } = attrs as unknown as tf.Conv2DAttrs
  const [rows, columns, channels, outputs] = filters as FourSides
  const unusual = dtype !== 'float32' || (dataFormat ?? 'NHWC') !== 'NHWC' || rows * columns === 1
  if (unusual || channels % 16 !== 0 || outputs % 16 !== 0) return undefined
  const info = tf.backend_util.computeConv2DInfo(
    images as FourSides,
    filters as FourSides,
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
  )
  const plain =
    info.dilationHeight === 1 && info.dilationWidth === 1 && info.strideHeight === info.strideWidth
  const replaces = (backend as TensorflowBackend).fused[precision]
  return plain && info.batchSize > 0 && replaces?.(info, product) ? info : undefined
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
