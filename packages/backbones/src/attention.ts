import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'
import { type Node, through } from './blocks.js'
import { EPSILON } from './constant-statistics.js'

/**
 * Multi-head self-attention softmax(q k' / sqrt(d)) v (Vaswani et al. 2017, arXiv:1706.03762, section 3.2), computed with
 * two batched products over all heads and images. The input contains queries, keys and values, [batch, tokens, 3 * width];
 * the output is [batch, tokens, width].
 *
 * TensorFlow.js's standard layers can only multiply matrices head by head. This layer is a nested model of standard layers,
 * so that a saved model loads in plain TensorFlow.js; it overrides the computation.
 */
export class Attention extends tfl.LayersModel {
  readonly #heads: number

  constructor({
    name,
    heads,
    tokens,
    width,
  }: { name: string; heads: number; tokens: number; width: number }) {
    super(standardAttention(name, heads, tokens, width))
    this.#heads = heads
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const x = Array.isArray(inputs) ? inputs[0]! : inputs
    const [, tokens, all] = x.shape as [number, number, number]
    const d = all / 3 / this.#heads
    return tf.tidy(() => {
      const parts = tf.transpose(tf.reshape(x, [-1, tokens, 3, this.#heads, d]), [2, 0, 3, 1, 4])
      const [query, key, value] = tf.unstack(parts)
      const weights = tf.softmax(tf.matMul(tf.mul(query!, 1 / Math.sqrt(d)), key!, false, true))
      const mixed = tf.transpose(tf.matMul(weights, value!), [0, 2, 1, 3])
      return tf.reshape(mixed, [-1, tokens, all / 3])
    })
  }
}

/** Attention built from standard layers, head by head. */
function standardAttention(name: string, heads: number, tokens: number, width: number) {
  const d = width / heads
  const input = tfl.input({ shape: [tokens, 3 * width], name: `${name}/in` })
  const reshape = (node: Node, part: string, targetShape: number[]) =>
    through(tfl.layers.reshape({ name: `${name}/${part}`, targetShape }), node)
  const rows = (node: Node, part: string, from: number, to: number) => {
    const cropping: [[number, number], [number, number]] = [
      [from, (node.shape[1] as number) - to],
      [0, 0],
    ]
    return through(tfl.layers.cropping2D({ name: `${name}/${part}`, cropping }), node)
  }
  const split = reshape(input, 'split', [tokens, 3 * heads, d])
  const all = through(tfl.layers.permute({ name: `${name}/permute`, dims: [2, 1, 3] }), split)
  // No standard layer divides by a number, but a batch normalisation with variance d divides by sqrt(d).
  const scale = tfl.layers.batchNormalization({
    name: `${name}/scale`,
    center: false,
    scale: false,
    epsilon: EPSILON,
    movingVarianceInitializer: tfl.initializers.constant({ value: d - EPSILON }),
  })
  const queries = through(scale, rows(all, 'queries', 0, heads))
  const outputs = Array.from({ length: heads }, (_, h) => {
    const one = (node: Node, part: string, row: number) =>
      reshape(rows(node, `${part}${h}/row`, row, row + 1), `${part}${h}`, [tokens, d])
    const query = one(queries, 'query', h)
    const key = one(all, 'key', heads + h)
    const value = one(all, 'value', 2 * heads + h)
    const scores = tfl.layers.dot({ name: `${name}/scores${h}`, axes: [2, 2] }).apply([query, key])
    const weights = through(
      tfl.layers.activation({ name: `${name}/weights${h}`, activation: 'softmax' }),
      scores as Node,
    )
    return tfl.layers.dot({ name: `${name}/mixed${h}`, axes: [2, 1] }).apply([weights, value]) as Node
  })
  const joined =
    heads === 1
      ? outputs[0]!
      : (tfl.layers.concatenate({ name: `${name}/join`, axis: 2 }).apply(outputs) as Node)
  return { inputs: input, outputs: joined, name }
}
