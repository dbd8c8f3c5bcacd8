import type { Value } from './graph.js'
import { type Converter, type LayerContext, unsupported } from './layer.js'

/** Computes an activation of the value called `x`. @returns the name of the result */
type Activation = (context: Pick<LayerContext, 'graph' | 'name'>, x: string) => string

const single =
  (operation: string): Activation =>
  ({ graph, name }, x) =>
    graph.node(operation, `${name}/${operation.toLowerCase()}`, [x])

/** 0.5 * x * (1 + f(inner(x))), both forms of GELU. */
const gelu =
  (operation: 'Erf' | 'Tanh', inner: Activation): Activation =>
  (context, x) => {
    const { graph, name } = context
    const f = graph.node(operation, `${name}/${operation.toLowerCase()}`, [inner(context, x)])
    const sum = graph.node('Add', `${name}/plus1`, [f, graph.scalar(1)])
    const product = graph.node('Mul', `${name}/product`, [x, sum])
    return graph.node('Mul', `${name}/gelu`, [product, graph.scalar(0.5)])
  }

/** Activations by TensorFlow.js' names, without underscores and in lower case. */
const activations: Readonly<Record<string, Activation>> = {
  linear: (_, x) => x,
  relu: single('Relu'),
  relu6: ({ graph, name }, x) => graph.node('Clip', `${name}/relu6`, [x, graph.scalar(0), graph.scalar(6)]),
  sigmoid: single('Sigmoid'),
  tanh: single('Tanh'),
  softplus: single('Softplus'),
  softsign: single('Softsign'),
  elu: single('Elu'),
  selu: single('Selu'),
  hardsigmoid: ({ graph, name }, x) =>
    graph.node('HardSigmoid', `${name}/hardsigmoid`, [x], { alpha: { float: 0.2 }, beta: { float: 0.5 } }),
  swish: ({ graph, name }, x) =>
    graph.node('Mul', `${name}/swish`, [x, graph.node('Sigmoid', `${name}/sigmoid`, [x])]),
  gelu: gelu('Erf', ({ graph, name }, x) =>
    graph.node('Mul', `${name}/scaled`, [x, graph.scalar(Math.SQRT1_2)]),
  ),
  gelunew: gelu('Tanh', ({ graph, name }, x) => {
    const square = graph.node('Mul', `${name}/square`, [x, x])
    const cube = graph.node('Mul', `${name}/cube`, [square, x])
    const small = graph.node('Mul', `${name}/small`, [cube, graph.scalar(0.044715)])
    const sum = graph.node('Add', `${name}/sum`, [x, small])
    return graph.node('Mul', `${name}/scaled`, [sum, graph.scalar(Math.sqrt(2 / Math.PI))])
  }),
}

/**
 * Applies the activation that a layer's configuration names.
 * @throws SelfsupError if it is not one of TensorFlow.js' standard ones
 */
export function activate(context: LayerContext, value: Value, activation: unknown = 'linear'): Value {
  const key = String(activation).replaceAll('_', '').toLowerCase()
  if (key === 'linear') return value
  if (key === 'softmax') {
    const last = context.graph.last(value)
    return {
      shape: value.shape,
      last: context.graph.node('Softmax', `${context.name}/softmax`, [last], { axis: -1 }),
    }
  }
  const apply = Object.hasOwn(activations, key) ? activations[key] : undefined
  if (!apply) throw unsupported(context, `its activation is ${activation}`)
  return inOneLayout(value, (x) => apply(context, x))
}

/** Applies an element-wise operation in the layout in which the value is available. */
function inOneLayout(value: Value, apply: (x: string) => string): Value {
  const { shape, first, last } = value
  return first === undefined ? { shape, last: apply(last!) } : { shape, first: apply(first) }
}

/** Activation, with the activation's name in the configuration. */
export const activation: Converter = (context) =>
  activate(context, context.inputs[0]!, context.config.activation)

/** ReLU, with an optional upper limit. */
export const relu: Converter = (context) => {
  const { graph, name, inputs, config } = context
  const { maxValue = config.max_value } = config
  if (maxValue === undefined || maxValue === null) return activate(context, inputs[0]!, 'relu')
  const limits = [graph.scalar(0), graph.scalar(maxValue as number)]
  return inOneLayout(inputs[0]!, (x) => graph.node('Clip', name, [x, ...limits]))
}

export const leakyRelu: Converter = ({ graph, name, inputs, config }) =>
  inOneLayout(inputs[0]!, (x) =>
    graph.node('LeakyRelu', name, [x], { alpha: { float: (config.alpha ?? 0.3) as number } }),
  )

export const elu: Converter = ({ graph, name, inputs, config }) =>
  inOneLayout(inputs[0]!, (x) =>
    graph.node('Elu', name, [x], { alpha: { float: (config.alpha ?? 1) as number } }),
  )

export const softmax: Converter = (context) => {
  const { graph, name, inputs, config, shape } = context
  const { axis = -1 } = config
  return { shape, last: graph.node('Softmax', name, [graph.last(inputs[0]!)], { axis: axis as number }) }
}

/** Rescaling: a product with a number and a sum. */
export const rescaling: Converter = ({ graph, name, inputs, config }) =>
  inOneLayout(inputs[0]!, (x) => {
    const { scale, offset = 0 } = config as { scale: number; offset?: number }
    const scaled = graph.node('Mul', `${name}/scaled`, [x, graph.scalar(scale)])
    return offset === 0 ? scaled : graph.node('Add', name, [scaled, graph.scalar(offset)])
  })
