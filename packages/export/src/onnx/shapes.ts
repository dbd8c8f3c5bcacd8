import { activate } from './activations.js'
import {
  type Converter,
  expectChannelsLast,
  type LayerContext,
  pairOf,
  unsupported,
  weightOf,
} from './layer.js'

/** Dense, over the last axis of any rank. */
export const dense: Converter = (context) => {
  const { graph, name, config, inputs, shape } = context
  const kernel = weightOf(context, 'kernel')!
  const bias = weightOf(context, 'bias')
  const input = graph.last(inputs[0]!)
  const weights = graph.floats(`${name}/kernel`, kernel.values, kernel.shape)
  let last = graph.node('MatMul', bias ? `${name}/product` : name, [input, weights])
  if (bias) last = graph.node('Add', name, [last, graph.floats(`${name}/bias`, bias.values, bias.shape)])
  return activate(context, { shape, last }, config.activation)
}

/** Reshape; the batch stays the first axis. */
export const reshape: Converter = ({ graph, name, inputs, shape }) => ({
  shape,
  last: graph.node('Reshape', name, [graph.last(inputs[0]!), graph.integers([0, ...shape])]),
})

export const flatten: Converter = ({ graph, name, inputs, shape }) => ({
  shape,
  last: graph.node('Flatten', name, [graph.last(inputs[0]!)], { axis: 1 }),
})

/** Permute; its axes are numbered from 1. */
export const permute: Converter = ({ graph, name, inputs, shape, config }) => ({
  shape,
  last: graph.node('Transpose', name, [graph.last(inputs[0]!)], { perm: [0, ...(config.dims as number[])] }),
})

export const concatenate: Converter = ({ graph, name, inputs, shape, config }) => {
  const { axis = -1 } = config
  const names = inputs.map((value) => graph.last(value))
  return { shape, last: graph.node('Concat', name, names, { axis: axis as number }) }
}

/** ZeroPadding2D, in the layout in which the map is available. */
export const zeroPadding: Converter = (context) => {
  expectChannelsLast(context)
  const { graph, name, inputs, shape, config } = context
  const [[top, bottom], [left, right]] = sidesOf(config.padding)
  const [map] = inputs
  if (map!.first === undefined) {
    const pads = graph.integers([0, top, left, 0, 0, bottom, right, 0])
    return { shape, last: graph.node('Pad', name, [map!.last!, pads]) }
  }
  return {
    shape,
    first: graph.node('Pad', name, [map!.first, graph.integers([0, 0, top, left, 0, 0, bottom, right])]),
  }
}

/** Cropping2D. */
export const cropping: Converter = (context) => {
  expectChannelsLast(context)
  const { graph, name, inputs, shape, config } = context
  const [[top], [left]] = sidesOf(config.cropping)
  const [height, width] = shape as [number, number, number]
  const bounds = [
    [top, left],
    [top + height, left + width],
    [1, 2],
  ].map((list) => graph.integers(list))
  return { shape, last: graph.node('Slice', name, [graph.last(inputs[0]!), ...bounds]) }
}

/** [[top, bottom], [left, right]] of a setting that is one number, a pair, or two pairs. */
function sidesOf(value: unknown): [[number, number], [number, number]] {
  const [vertical, horizontal] = Array.isArray(value) ? (value as [unknown, unknown]) : [value, value]
  return [pairOf(vertical), pairOf(horizontal)]
}

/** Dot of two matrices per image: a product that sums over one axis of each. */
export const dot: Converter = (context) => {
  const { graph, name, inputs, shape, config } = context
  const [a, b] = inputs.map((value) => graph.last(value)) as [string, string]
  const [axisA, axisB] = axesOf(context)
  if (config.normalize === true) throw unsupported(context, 'it normalises its inputs')
  const swapped = (x: string, part: string) =>
    graph.node('Transpose', `${name}/${part}`, [x], { perm: [0, 2, 1] })
  const left = axisA === 2 ? a : swapped(a, 'a')
  const right = axisB === 1 ? b : swapped(b, 'b')
  return { shape, last: graph.node('MatMul', name, [left, right]) }
}

function axesOf(context: LayerContext): [number, number] {
  const { config, inputs } = context
  const axes = pairOf(config.axes).map((axis) => (axis < 0 ? axis + 3 : axis)) as [number, number]
  const matrices = inputs.every((value) => value.shape.length === 2)
  if (!matrices || axes.some((axis) => axis !== 1 && axis !== 2))
    throw unsupported(context, 'only products of two matrices [batch, rows, columns] are supported')
  return axes
}
