import type { Value } from './graph.js'
import { type Converter, type LayerContext, unsupported, weightOf } from './layer.js'

/**
 * BatchNormalization in inference mode over the last axis. Maps get ONNX's own operation. Other values are multiplied and
 * shifted; without a factor or a shift, as in position embeddings, that operation is left out.
 */
export const batchNormalisation: Converter = (context) => {
  const { graph, name, config, inputs, shape } = context
  expectLastAxis(context)
  const { values: mean } = weightOf(context, 'moving_mean')!
  const { values: variance } = weightOf(context, 'moving_variance')!
  const gamma = weightOf(context, 'gamma')?.values ?? new Float32Array(mean.length).fill(1)
  const beta = weightOf(context, 'beta')?.values ?? new Float32Array(mean.length)
  const epsilon = config.epsilon as number
  if (shape.length === 3) {
    const constants = Object.entries({ gamma, beta, mean, variance }).map(([part, values]) =>
      graph.floats(`${name}/${part}`, values, [values.length]),
    )
    const input = [graph.first(inputs[0]!), ...constants]
    return { shape, first: graph.node('BatchNormalization', name, input, { epsilon: { float: epsilon } }) }
  }
  const factor = gamma.map((value, i) => value / Math.sqrt(variance[i]! + epsilon))
  const shift = beta.map((value, i) => value - mean[i]! * factor[i]!)
  let last = graph.last(inputs[0]!)
  if (factor.some((value) => value !== 1))
    last = graph.node('Mul', `${name}/scaled`, [
      last,
      graph.floats(`${name}/factor`, factor, [factor.length]),
    ])
  if (shift.some((value) => value !== 0))
    last = graph.node('Add', name, [last, graph.floats(`${name}/shift`, shift, [shift.length])])
  return { shape, last }
}

/** LayerNormalization over the last axis. */
export const layerNormalisation: Converter = (context) => {
  const { graph, name, config, inputs, shape } = context
  expectLastAxis(context)
  const width = shape.at(-1)!
  const gamma = weightOf(context, 'gamma')?.values ?? new Float32Array(width).fill(1)
  const beta = weightOf(context, 'beta')?.values ?? new Float32Array(width)
  const constants = Object.entries({ gamma, beta }).map(([part, values]) =>
    graph.floats(`${name}/${part}`, values, [width]),
  )
  const input = [graph.last(inputs[0]!), ...constants]
  const attributes = { axis: -1, epsilon: { float: config.epsilon as number } }
  return { shape, last: graph.node('LayerNormalization', name, input, attributes) }
}

function expectLastAxis(context: LayerContext): void {
  const { axis = -1 } = context.config
  const only = Array.isArray(axis) && axis.length === 1 ? axis[0] : axis
  const last = context.shape.length
  if (only !== -1 && only !== last)
    throw unsupported(context, `it normalises axis ${axis}; only the last axis is supported`)
}

/** Layers that do nothing in inference. */
export const identity: Converter = ({ inputs }): Value => inputs[0]!

/** Add, Multiply and other layers that combine values of one rank element by element. */
export const elementwise =
  (operation: 'Add' | 'Mul' | 'Max' | 'Min' | 'Mean' | 'Sub'): Converter =>
  (context) => {
    const { graph, name, inputs, shape } = context
    if (inputs.some((value) => value.shape.length !== shape.length))
      throw unsupported(context, 'its inputs have different ranks')
    const first = shape.length === 3 && inputs.some((value) => value.first !== undefined)
    const names = inputs.map((value) => (first ? graph.first(value) : graph.last(value)))
    // Only Max, Min and Mean take more than two inputs.
    const combined =
      operation === 'Add' || operation === 'Mul' || operation === 'Sub'
        ? names.reduce((a, b) => graph.node(operation, name, [a, b]))
        : graph.node(operation, name, names)
    return first ? { shape, first: combined } : { shape, last: combined }
  }
