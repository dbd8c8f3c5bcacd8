import { addModelNotes, expected } from '@selfsup/core'
import * as tfl from '@tensorflow/tfjs-layers'
import { type Node, through } from './blocks.js'
import { initialise } from './initial-weights.js'
import { type BackboneOptions, checkInput } from './input.js'
import { LayerNormalization } from './layer-normalization.js'
import { rotaryPositions } from './rotary-positions.js'
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
  /**
   * learned scale of each residual branch, with this initial value (LayerScale: Touvron et al. 2021, arXiv:2103.17239), as
   * in DINOv2; default none
   */
  readonly layerScale?: number
  /** learned tokens in addition to the class token (registers: Darcet et al. 2023, arXiv:2309.16588); default 0 */
  readonly registers?: number
  /**
   * `learned`: one vector for each position is added to the patches; `rotary`: queries and keys are rotated by their position, as in
   * DINOv3, with a layer normalisation of its epsilon; default learned
   */
  readonly positions?: 'learned' | 'rotary'
  /** dimensions other than those of the named size */
  readonly width?: number
  readonly depth?: number
  readonly heads?: number
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
  return named('vit-tiny', 'vitTiny', options, { width: 192, depth: 12, heads: 3 })
}

/** ViT-Small (DeiT-S) without its classifier: [batch, size, size, channels] to [batch, 384]. */
export function vitSmall(options: VitOptions): tfl.LayersModel {
  return named('vit-small', 'vitSmall', options, { width: 384, depth: 12, heads: 6 })
}

/** ViT-Base without its classifier: [batch, size, size, channels] to [batch, 768]. */
export function vitBase(options: VitOptions): tfl.LayersModel {
  return named('vit-base', 'vitBase', options, { width: 768, depth: 12, heads: 12 })
}

/** ViT-Large without its classifier: [batch, size, size, channels] to [batch, 1024]. */
export function vitLarge(options: VitOptions): tfl.LayersModel {
  return named('vit-large', 'vitLarge', options, { width: 1024, depth: 24, heads: 16 })
}

function named(recipe: string, name: string, options: VitOptions, shape: VitShape): tfl.LayersModel {
  const { width = shape.width, depth = shape.depth, heads = shape.heads } = options
  const model = visionTransformer(name, options, { width, depth, heads })
  return addModelNotes(model, { recipe: { name: recipe, options: { ...options } } })
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
    layerScale,
    registers = 0,
    positions = 'learned',
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
  expected(
    Number.isInteger(registers) && registers >= 0,
    `${name}: registers must be a whole number of at least 0; got ${registers}`,
  )
  const rotary = positions === 'rotary'
  expected(
    !rotary || Number.isInteger(width / heads / 4),
    `${name}: with rotary positions, the width must be a multiple of 4 for each head; got width ${width}, heads ${heads}`,
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
  x = withClassToken(x)
  if (!rotary) x = withPositions(x)
  if (registers > 0)
    x = withRegisters(rotary ? x : reshape(x, 'registers/row', [1, 1 + patches, width]), registers)
  x = reshape(x, 'positions/tokens', [1 + registers + patches, width])
  const rotation = rotary && rotaryPositions(1 + registers, size / patchSize, width / heads)
  const block = { layerScale, ...(rotation && { rotation, epsilon: ROTARY_EPSILON }) }
  for (let index = 1; index < depth; index++) x = transformerBlock(x, `block${index}`, heads, block)
  x = transformerBlock(x, `block${depth}`, heads, { ...block, classTokenOnly: true })
  const last = new LayerNormalization({ name: 'norm', ...(rotary && { epsilon: ROTARY_EPSILON }) })
  const features = through(last, x)
  const model = initialise(tfl.model({ inputs: input, outputs: features, name }), seed, 'transformer')
  projection.trainable = !freezePatchProjection
  return model
}

/** DINOv3's layer normalisations have another epsilon than ViT's. */
const ROTARY_EPSILON = 1e-5

/** Adds a learned token before the patches: [batch, 1, patches, width] to [batch, 1, 1 + patches, width]. */
function withClassToken(node: Node): Node {
  return join('tokens', [learnedTokens(node, 'class-token', 1), node])
}

/** Adds a learned vector per position: [batch, 1, tokens, width] to [batch, tokens * width]. */
function withPositions(node: Node): Node {
  const [, , tokens, width] = node.shape as [null, number, number, number]
  const flat = reshape(node, 'positions/flat', [tokens * width])
  return through(new Shift({ name: 'positions' }), flat)
}

/** Inserts learned tokens after the first one: [batch, 1, tokens, width] to [batch, 1, tokens + count, width]. */
function withRegisters(node: Node, count: number): Node {
  const tokens = node.shape[2]!
  const first = withoutLastRows(node, 'registers/first', tokens - 1)
  const cropping: [[number, number], [number, number]] = [
    [0, 0],
    [1, 0],
  ]
  const rest = through(tfl.layers.cropping2D({ name: 'registers/rest', cropping }), node)
  return join('registers/join', [first, learnedTokens(node, 'registers', count), rest])
}

/** Learned tokens that do not depend on the input: [batch, 1, count, width]. */
function learnedTokens(node: Node, name: string, count: number): Node {
  const [, , tokens, width] = node.shape as [null, number, number, number]
  // A layer needs an input. Padding is the only standard layer that creates constants (zeros).
  const padding: [[number, number], [number, number]] = [
    [0, 0],
    [count, 0],
  ]
  const padded = through(tfl.layers.zeroPadding2d({ name: `${name}/pad`, padding }), node)
  const zeros = withoutLastRows(padded, `${name}/zeros`, tokens)
  const learned = through(new Shift({ name }), reshape(zeros, `${name}/flat`, [count * width]))
  return reshape(learned, `${name}/token`, [1, count, width])
}

function join(name: string, nodes: Node[]): Node {
  return tfl.layers.concatenate({ name, axis: 2 }).apply(nodes) as Node
}
