import * as tfl from '@tensorflow/tfjs-layers'
import { Attention } from './attention.js'
import { type Node, sum, through } from './blocks.js'
import { Gelu } from './gelu.js'
import { LayerNormalization } from './layer-normalization.js'
import type { Rotation } from './rotary-positions.js'
import { Scale } from './scale.js'

/**
 * Attention and a two-layer perceptron that is four times as wide, each after a normalisation and with a shortcut
 * (Dosovitskiy et al. 2020, arXiv:2010.11929, eq. 2 and 3).
 * @param node [batch, tokens, width]
 * @param heads number of attention heads; must divide the width
 * @param options.classTokenOnly return only the first token, [batch, width]; for the last block, after whose attention
 *   tokens are independent
 * @param options.layerScale initial value of a learned scale of both branches (Touvron et al. 2021, arXiv:2103.17239);
 *   default none
 * @param options.rotation rotates queries and keys, whose layers are then separate and without a bias of the keys, as in DINOv3;
 *   default none
 * @param options.epsilon of the normalisations; default 1e-6
 * @returns [batch, tokens, width], or [batch, width] with `classTokenOnly`
 */
export function transformerBlock(
  node: Node,
  name: string,
  heads: number,
  {
    classTokenOnly = false,
    layerScale,
    rotation,
    epsilon,
  }: {
    readonly classTokenOnly?: boolean
    readonly layerScale?: number
    readonly rotation?: Rotation
    readonly epsilon?: number
  } = {},
): Node {
  const [, tokens, width] = node.shape as [null, number, number]
  const norm = (x: Node, part: string) =>
    through(new LayerNormalization({ name: `${name}/${part}`, ...(epsilon && { epsilon }) }), x)
  const linear = (x: Node, part: string, units: number, useBias = true) =>
    through(tfl.layers.dense({ name: `${name}/${part}`, units, useBias, kernelInitializer: 'zeros' }), x)

  const scaled = (x: Node, part: string) =>
    layerScale === undefined ? x : through(new Scale({ name: `${name}/${part}`, initial: layerScale }), x)

  const normalised = norm(node, 'norm1')
  const separate = () => {
    const parts = ['query', 'key', 'value'].map((part) =>
      linear(normalised, `attention/${part}`, width, part !== 'key'),
    )
    return tfl.layers.concatenate({ name: `${name}/attention/qkv`, axis: 2 }).apply(parts) as Node
  }
  const qkv = rotation ? separate() : linear(normalised, 'attention/qkv', 3 * width)
  const attention = new Attention({
    name: `${name}/attention`,
    heads,
    tokens,
    width,
    ...(rotation && { rotation }),
  })
  const mixed = through(attention, qkv)
  const [before, after] = classTokenOnly
    ? [firstToken(node, `${name}/shortcut`), firstToken(mixed, `${name}/attended`)]
    : [node, mixed]
  const attended = sum(before, scaled(linear(after, 'attention/projection', width), 'scale1'), `${name}/sum1`)

  const hidden = linear(norm(attended, 'norm2'), 'mlp/1', 4 * width)
  const activated = through(new Gelu({ name: `${name}/mlp/gelu` }), hidden)
  return sum(attended, scaled(linear(activated, 'mlp/2', width), 'scale2'), `${name}/sum2`)
}

/** [batch, tokens, width] to [batch, width]. */
function firstToken(node: Node, name: string): Node {
  const [, tokens, width] = node.shape as [null, number, number]
  const row = reshape(node, `${name}/row`, [1, tokens, width])
  return reshape(withoutLastRows(row, `${name}/crop`, tokens - 1), `${name}/token`, [width])
}

/** [batch, 1, tokens, width] without its last tokens. */
export function withoutLastRows(node: Node, name: string, last: number): Node {
  const cropping: [[number, number], [number, number]] = [
    [0, 0],
    [0, last],
  ]
  return through(tfl.layers.cropping2D({ name, cropping }), node)
}

/** [batch, ...] to [batch, ...targetShape]. */
export function reshape(node: Node, name: string, targetShape: number[]): Node {
  return through(tfl.layers.reshape({ name, targetShape }), node)
}
