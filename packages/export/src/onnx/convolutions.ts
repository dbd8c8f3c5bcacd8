import { activate } from './activations.js'
import type { Value } from './graph.js'
import {
  type Converter,
  expectChannelsLast,
  type LayerContext,
  pairOf,
  unsupported,
  weightOf,
} from './layer.js'

/** Conv2D: a kernel [height, width, in, out] becomes [out, in, height, width]. */
export const convolution: Converter = (context) => {
  const kernel = weightOf(context, 'kernel')!
  const [height, width, inputs, outputs] = kernel.shape as [number, number, number, number]
  const weights = reordered(kernel.values, [height, width, inputs, outputs], [3, 2, 0, 1])
  return convolve(context, weights, [outputs, inputs, height, width], 1)
}

/** DepthwiseConv2D: a kernel [height, width, in, multiplier] becomes in * multiplier filters of one channel each. */
export const depthwise: Converter = (context) => {
  const kernel = weightOf(context, 'depthwise_kernel')!
  const [height, width, inputs, multiplier] = kernel.shape as [number, number, number, number]
  const weights = reordered(kernel.values, [height, width, inputs, multiplier], [2, 3, 0, 1])
  return convolve(context, weights, [inputs * multiplier, 1, height, width], inputs)
}

function convolve(
  context: LayerContext,
  weights: Float32Array,
  dims: readonly [number, number, number, number],
  group: number,
): Value {
  expectChannelsLast(context)
  const { graph, name, config, inputs, shape } = context
  const [height, width] = [dims[2], dims[3]]
  const strides = pairOf(config.strides)
  const dilations = pairOf(config.dilationRate ?? 1)
  const bias = weightOf(context, 'bias')
  const names = [graph.first(inputs[0]!), graph.floats(`${name}/kernel`, weights, dims)]
  if (bias) names.push(graph.floats(`${name}/bias`, bias.values, bias.shape))
  const first = graph.node('Conv', name, names, {
    kernel_shape: [height, width],
    strides,
    dilations,
    group,
    pads: padsOf(context, [height, width], strides, dilations),
  })
  return activate(context, { shape, first }, config.activation)
}

/** MaxPooling2D and AveragePooling2D. Neither counts padded positions. */
export const pooling: Converter = (context) => {
  expectChannelsLast(context)
  const { graph, name, config, inputs, shape, layer } = context
  const size = pairOf(config.poolSize)
  const strides = pairOf(config.strides ?? size)
  const operation = layer.getClassName().startsWith('Max') ? 'MaxPool' : 'AveragePool'
  const attributes = { kernel_shape: size, strides, pads: padsOf(context, size, strides, [1, 1]) }
  return { shape, first: graph.node(operation, name, [graph.first(inputs[0]!)], attributes) }
}

/** GlobalAveragePooling2D and GlobalMaxPooling2D: [height, width, channels] to [channels]. */
export const globalPooling: Converter = (context) => {
  expectChannelsLast(context)
  const { graph, name, inputs, shape, layer } = context
  const operation = layer.getClassName().includes('Max') ? 'GlobalMaxPool' : 'GlobalAveragePool'
  const pooled = graph.node(operation, `${name}/map`, [graph.first(inputs[0]!)])
  return { shape, last: graph.node('Flatten', name, [pooled], { axis: 1 }) }
}

/** Padding as [top, left, bottom, right]. For `same`, TensorFlow pads the odd pixel at the end. */
function padsOf(
  context: LayerContext,
  kernel: readonly [number, number],
  strides: readonly [number, number],
  dilations: readonly [number, number],
): number[] {
  const { config, inputs } = context
  if (config.padding === 'valid') return [0, 0, 0, 0]
  if (config.padding !== 'same') throw unsupported(context, `its padding is ${config.padding}`)
  const sides = [0, 1].map((axis) => {
    const side = inputs[0]!.shape[axis]!
    const reach = (kernel[axis]! - 1) * dilations[axis]! + 1
    const total = Math.max(0, (Math.ceil(side / strides[axis]!) - 1) * strides[axis]! + reach - side)
    return [Math.floor(total / 2), Math.ceil(total / 2)] as const
  })
  return [sides[0]![0], sides[1]![0], sides[0]![1], sides[1]![1]]
}

/** The values of a rank-4 array with its axes in another order. */
export function reordered(
  values: Float32Array,
  shape: readonly number[],
  axes: readonly [number, number, number, number],
): Float32Array {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, side) => product * side, 1))
  const [a, b, c, d] = axes
  const result = new Float32Array(values.length)
  let at = 0
  for (let i = 0; i < shape[a]!; i++)
    for (let j = 0; j < shape[b]!; j++)
      for (let k = 0; k < shape[c]!; k++) {
        const from = i * strides[a]! + j * strides[b]! + k * strides[c]!
        for (let l = 0; l < shape[d]!; l++) result[at++] = values[from + l * strides[d]!]!
      }
  return result
}
