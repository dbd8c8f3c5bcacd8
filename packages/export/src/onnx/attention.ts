import type { LayersModel, layers } from '@tensorflow/tfjs-layers'
import type { Converter } from './layer.js'

/** Dimensions of a nested model that computes multi-head self-attention. */
interface Heads {
  readonly heads: number
  readonly width: number
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
  return products > 0 && rows === (3 * products) / 2 ? { heads: products / 2, width } : undefined
}

/** softmax(q k' / sqrt(width)) v for all heads at once (Vaswani et al. 2017, arXiv:1706.03762, section 3.2). */
export const attention =
  ({ heads, width }: Heads): Converter =>
  ({ graph, name, inputs, shape }) => {
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
    const scaled = part('Mul', 'scaled', [query!, graph.scalar(1 / Math.sqrt(width))])
    const scores = part('MatMul', 'scores', [scaled, part('Transpose', 'keys', [key!], [0, 1, 3, 2])])
    const weights = graph.node('Softmax', `${name}/weights`, [scores], { axis: -1 })
    const mixed = part('Transpose', 'mixed', [part('MatMul', 'values', [weights, value!])], [0, 2, 1, 3])
    return { shape, last: graph.node('Reshape', name, [mixed, graph.integers([0, tokens, heads * width])]) }
  }
