import { expected, noteOnModel } from '@selfsup/core'
import * as tfl from '@tensorflow/tfjs-layers'
import { type Node, through } from './blocks.js'
import { initialise } from './initial-weights.js'
import { type BackboneOptions, checkInput } from './input.js'
import { LayerNormalization } from './layer-normalization.js'
import { Shift } from './shift.js'
import { reshape, transformerBlock, withoutLastRows } from './transformer-block.js'

export interface VitOptions extends BackboneOptions {
  /** side of the patches in pixels; must divide the size; default 4 up to 64 pixels, otherwise 16 */
  readonly patchSize?: number
  /**
   * do not train the projection of the patches, which avoids instability (MoCo v3: Chen et al. 2021, arXiv:2104.02057,
   * section 4.2); default false
   */
  readonly freezePatchProjection?: boolean
}

/** Dimensions of a vision transformer. */
export interface VitShape {
  readonly width: number
  readonly depth: number
  readonly heads: number
}

/**
 * ViT-Tiny (Dosovitskiy et al. 2020, arXiv:2010.11929; this size: DeiT-Ti of Touvron et al. 2021,
 * arXiv:2012.12877, table 1) without its classifier. The features are the class token after the last normalisation.
 * @returns a model from [batch, size, size, channels] to [batch, 192]
 * @throws SelfsupError if the patch size does not divide the size
 */
export function vitTiny(options: VitOptions): tfl.LayersModel {
  return withRecipe(
    'vit-tiny',
    options,
    visionTransformer('vitTiny', options, { width: 192, depth: 12, heads: 3 }),
  )
}

/** ViT-Small (DeiT-S) without its classifier: [batch, size, size, channels] to [batch, 384]. */
export function vitSmall(options: VitOptions): tfl.LayersModel {
  return withRecipe(
    'vit-small',
    options,
    visionTransformer('vitSmall', options, { width: 384, depth: 12, heads: 6 }),
  )
}

function withRecipe(name: string, options: VitOptions, model: tfl.LayersModel): tfl.LayersModel {
  return noteOnModel(model, { recipe: { name, options: { ...options } } })
}

/**
 * A vision transformer of any size: [batch, size, size, channels] to [batch, width].
 * @param name name of the model
 * @param shape width (a multiple of `heads`), depth (number of blocks) and heads
 * @throws SelfsupError if the patch size does not divide the size, or the heads do not divide the width
 */
export function visionTransformer(
  name: string,
  {
    size,
    channels = 3,
    seed = 1,
    patchSize = size <= 64 ? 4 : 16,
    freezePatchProjection = false,
  }: VitOptions,
  { width, depth, heads }: VitShape,
): tfl.LayersModel {
  checkInput(name, size, 1, channels)
  expected(
    Number.isInteger(patchSize) && patchSize >= 1 && size % patchSize === 0,
    `${name}: patchSize must be a whole number that divides the size; got patchSize ${patchSize}, size ${size}`,
  )
  expected(
    Number.isInteger(width / heads) && width >= heads && depth >= 1,
    `${name}: heads must divide the width, and depth must be at least 1; got width ${width}, heads ${heads}, depth ${depth}`,
  )
  const input = tfl.input({ shape: [size, size, channels], name: 'images' })
  const projection = tfl.layers.conv2d({
    name: 'patches/projection',
    filters: width,
    kernelSize: patchSize,
    strides: patchSize,
    padding: 'valid',
    kernelInitializer: 'zeros',
  })
  const patches = (size / patchSize) ** 2
  let x = reshape(through(projection, input), 'patches', [1, patches, width])
  x = withPositions(withClassToken(x))
  for (let index = 1; index < depth; index++) x = transformerBlock(x, `block${index}`, heads)
  x = transformerBlock(x, `block${depth}`, heads, { classTokenOnly: true })
  const features = through(new LayerNormalization({ name: 'norm' }), x)
  const model = initialise(tfl.model({ inputs: input, outputs: features, name }), seed, 'transformer')
  projection.trainable = !freezePatchProjection
  return model
}

/** Adds a learned token before the patches: [batch, 1, patches, width] to [batch, 1, 1 + patches, width]. */
function withClassToken(node: Node): Node {
  const [, , patches, width] = node.shape as [null, number, number, number]
  // A layer needs an input. Padding is the only standard layer that creates constants (zeros).
  const padding: [[number, number], [number, number]] = [
    [0, 0],
    [1, 0],
  ]
  const padded = through(tfl.layers.zeroPadding2d({ name: 'class-token/pad', padding }), node)
  const zeros = withoutLastRows(padded, 'class-token/zeros', patches)
  const token = through(new Shift({ name: 'class-token' }), reshape(zeros, 'class-token/flat', [width]))
  const first = reshape(token, 'class-token/token', [1, 1, width])
  return tfl.layers.concatenate({ name: 'tokens', axis: 2 }).apply([first, node]) as Node
}

/** Adds a learned vector per position: [batch, 1, tokens, width] to [batch, tokens, width]. */
function withPositions(node: Node): Node {
  const [, , tokens, width] = node.shape as [null, number, number, number]
  const flat = reshape(node, 'positions/flat', [tokens * width])
  return reshape(through(new Shift({ name: 'positions' }), flat), 'positions/tokens', [tokens, width])
}
