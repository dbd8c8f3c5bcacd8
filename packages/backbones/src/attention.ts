import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'
import { type Node, through } from './blocks.js'
import { EPSILON } from './constant-statistics.js'
import type { Rotation } from './rotary-positions.js'
import { Scale } from './scale.js'

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
  readonly #rotation: Rotation | undefined

  /** @param options.rotation rotates the queries and keys of each token, the same in all heads; default none */
  constructor({
    name,
    heads,
    tokens,
    width,
    rotation,
  }: { name: string; heads: number; tokens: number; width: number; rotation?: Rotation }) {
    super(standardAttention(name, heads, tokens, width, rotation !== undefined))
    this.#heads = heads
    this.#rotation = rotation
    for (const part of rotation ? (['cos', 'sin'] as const) : []) {
      const variable = this.getLayer(`${name}/${part}`).weights[0]!.read() as tf.Variable
      tf.tidy(() => variable.assign(tf.tensor1d(rotation![part])))
    }
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const x = Array.isArray(inputs) ? inputs[0]! : inputs
    const [, tokens, all] = x.shape as [number, number, number]
    const d = all / 3 / this.#heads
    return tf.tidy(() => {
      const parts = tf.transpose(tf.reshape(x, [-1, tokens, 3, this.#heads, d]), [2, 0, 3, 1, 4])
      const [query, key, value] = tf.unstack(parts)
      const rotated = (part: tf.Tensor) => (this.#rotation ? rotate(part, this.#rotation) : part)
      const scaled = tf.mul(rotated(query!), 1 / Math.sqrt(d))
      const weights = tf.softmax(tf.matMul(scaled, rotated(key!), false, true))
      const mixed = tf.transpose(tf.matMul(weights, value!), [0, 2, 1, 3])
      return tf.reshape(mixed, [-1, tokens, all / 3])
    })
  }
}

/** Rotates each token of [batch, heads, tokens, width]. */
function rotate(x: tf.Tensor, { cos, sin }: Rotation): tf.Tensor {
  const [, , tokens, width] = x.shape as [number, number, number, number]
  const [first, second] = tf.split(x, 2, -1)
  const shape: [number, number] = [tokens, width]
  const swapped = tf.concat([second!, first!], -1)
  return tf.add(tf.mul(x, tf.tensor2d(cos, shape)), tf.mul(swapped, tf.tensor2d(sin, shape)))
}

/** Attention built from standard layers, head by head. */
function standardAttention(name: string, heads: number, tokens: number, width: number, rotates: boolean) {
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
  const pairs = rotates ? standardRotation(rows(all, 'pairs', 0, 2 * heads), name) : all
  const queries = through(scale, rows(pairs, 'queries', 0, heads))
  const outputs = Array.from({ length: heads }, (_, h) => {
    const one = (node: Node, part: string, row: number) =>
      reshape(rows(node, `${part}${h}/row`, row, row + 1), `${part}${h}`, [tokens, d])
    const query = one(queries, 'query', h)
    const key = one(pairs, 'key', heads + h)
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

/** Rotates [rows, tokens, width] by standard layers: products with constants, of the values and of both halves swapped. */
function standardRotation(node: Node, name: string): Node {
  const [, rows, tokens, width] = node.shape as [null, number, number, number]
  const constant = (part: string) => {
    const layer = new Scale({ name: `${name}/${part}`, initial: 1 })
    layer.trainable = false
    return layer
  }
  const reshape = (x: Node, to: string, targetShape: number[]) =>
    through(tfl.layers.reshape({ name: `${name}/rotation/${to}`, targetShape }), x)
  const columns = reshape(node, 'columns', [rows * tokens, width, 1])
  const half = (to: string, cropped: [number, number]) => {
    const cropping: [[number, number], [number, number]] = [[0, 0], cropped]
    return through(tfl.layers.cropping2D({ name: `${name}/rotation/${to}`, cropping }), columns)
  }
  const halves = [half('second', [width / 2, 0]), half('first', [0, width / 2])]
  const swapped = tfl.layers.concatenate({ name: `${name}/rotation/swapped`, axis: 2 }).apply(halves) as Node
  const products = [
    through(constant('cos'), reshape(node, 'flat', [rows, tokens * width])),
    through(constant('sin'), reshape(swapped, 'other', [rows, tokens * width])),
  ]
  const sum = tfl.layers.add({ name: `${name}/rotation/sum` }).apply(products) as Node
  return reshape(sum, 'rotated', [rows, tokens, width])
}
