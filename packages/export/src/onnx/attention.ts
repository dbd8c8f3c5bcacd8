import type { LayersModel, layers } from '@tensorflow/tfjs-layers'
import type { Converter, WeightValues } from './layer.js'

/** Dimensions of a nested model that computes multi-head self-attention. */
interface Heads {
  readonly heads: number
  readonly width: number
  /** layers that hold the cosines and sines of rotary positions, if there are any */
  readonly rotation?: { readonly cos: layers.Layer; readonly sin: layers.Layer }
}

/**
 * Recognises `Attention` of @selfsup/backbones, also after it was saved and loaded as a nested model of standard layers: from
 * queries, keys and values [tokens, 3 * heads * width] it first separates the heads, and has two products for each.
 */
export function attentionOf(model: LayersModel): Heads | undefined {
  const [, split, swap] = model.layers
  const products = model.layers.filter((layer) => layer.getClassName() === 'Dot').length
  if (split?.getClassName() !== 'Reshape' || swap?.getClassName() !== 'Permute') return undefined
  const [, , rows, width] = (split as layers.Layer).outputShape as [null, number, number, number]
  if (products === 0 || rows !== (3 * products) / 2) return undefined
  const [cos, sin] = ['cos', 'sin'].map((part) =>
    model.layers.find(({ name }) => name === `${model.name}/${part}`),
  )
  return { heads: products / 2, width, ...(cos && sin && { rotation: { cos, sin } }) }
}

/** softmax(q k' / sqrt(width)) v for all heads at once (Vaswani et al. 2017, arXiv:1706.03762, section 3.2). */
export const attention =
  ({ heads, width, rotation }: Heads): Converter =>
  ({ graph, name, inputs, shape, weights: values }) => {
    const tokens = shape[0]!
    const part = (operation: string, part: string, input: readonly string[], perm?: readonly number[]) =>
      graph.node(operation, `${name}/${part}`, input, perm && { perm })
    const split = part('Reshape', 'heads', [
      graph.last(inputs[0]!),
      graph.integers([0, tokens, 3, heads, width]),
    ])
    const parts = graph.split(
      'Split',
      `${name}/parts`,
      [part('Transpose', 'by-part', [split], [2, 0, 3, 1, 4])],
      3,
      {
        axis: 0,
      },
    )
    const [query, key, value] = parts.map((x, i) =>
      part('Squeeze', ['query', 'key', 'value'][i]!, [x, graph.integers([0])]),
    )
    const constants = rotation && {
      cos: graph.floats(`${name}/cos`, onlyWeight(rotation.cos, values), [tokens, width]),
      sin: graph.floats(`${name}/sin`, onlyWeight(rotation.sin, values), [tokens, width]),
    }
    const rotated = (x: string, of: string) => {
      if (!constants) return x
      const [first, second] = graph.split('Split', `${name}/${of}/halves`, [x], 2, { axis: -1 })
      const swapped = graph.node('Concat', `${name}/${of}/swapped`, [second!, first!], { axis: -1 })
      const products = [
        part('Mul', `${of}/cos`, [x, constants.cos]),
        part('Mul', `${of}/sin`, [swapped, constants.sin]),
      ]
      return part('Add', `${of}/rotated`, products)
    }
    const scaled = part('Mul', 'scaled', [rotated(query!, 'query'), graph.scalar(1 / Math.sqrt(width))])
    const keys = part('Transpose', 'keys', [rotated(key!, 'key')], [0, 1, 3, 2])
    const scores = part('MatMul', 'scores', [scaled, keys])
    const weights = graph.node('Softmax', `${name}/weights`, [scores], { axis: -1 })
    const mixed = part('Transpose', 'mixed', [part('MatMul', 'values', [weights, value!])], [0, 2, 1, 3])
    return { shape, last: graph.node('Reshape', name, [mixed, graph.integers([0, tokens, heads * width])]) }
  }

function onlyWeight(layer: layers.Layer, weights: WeightValues): Float32Array {
  return weights.get(layer.weights[0]!.id)!
}
