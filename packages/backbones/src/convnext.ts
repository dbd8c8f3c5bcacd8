import { addModelNotes, expected } from '@selfsup/core'
import * as tfl from '@tensorflow/tfjs-layers'
import { depthwiseConvolution, globalAverage, type Node, sum, through } from './blocks.js'
import { Gelu } from './gelu.js'
import { initialise } from './initial-weights.js'
import { type BackboneOptions, checkInput, checkWidths } from './input.js'
import { LayerNormalization } from './layer-normalization.js'
import { Scale } from './scale.js'

export interface ConvnextOptions extends BackboneOptions {
  /** side of the patches that the first convolution reads; default 2 up to 64 pixels, otherwise 4 as in the paper */
  readonly patchSize?: number
  /** channels of each stage; default 96, 192, 384, 768 */
  readonly widths?: readonly number[]
  /** blocks of each stage; default 3, 3, 9, 3 */
  readonly depths?: readonly number[]
}

/**
 * ConvNeXt-T (Liu et al. 2022, arXiv:2201.03545) without its classifier. The features are the mean of the last map, normalised. It
 * has layer normalisations only.
 * @returns a model from [batch, size, size, channels] to [batch, 768]
 * @throws SelfsupError if the size is not a multiple of the patch size times 8
 */
export function convnextTiny({
  size,
  channels = 3,
  seed = 1,
  patchSize = size <= 64 ? 2 : 4,
  norm,
  ...dimensions
}: ConvnextOptions): tfl.LayersModel {
  const name = 'convnextTiny'
  const { widths = [96, 192, 384, 768], depths = [3, 3, 9, 3] } = dimensions
  checkWidths(name, [...widths, ...depths])
  expected(
    depths.length === widths.length,
    `${name}: depths must have as many numbers as widths; got ${depths.length} and ${widths.length}`,
  )
  const reduction = patchSize * 2 ** (widths.length - 1)
  checkInput(name, size, reduction, channels)
  const input = tfl.input({ shape: [size, size, channels], name: 'images' })
  let x = normalised(patches(input, 'stem/conv', widths[0]!, patchSize), 'stem/norm')
  for (const [stage, depth] of depths.entries()) {
    const prefix = `stage${stage + 1}`
    if (stage > 0) {
      const before = normalised(x, `${prefix}/downsample/norm`)
      x = patches(before, `${prefix}/downsample/conv`, widths[stage]!, 2)
    }
    for (let index = 1; index <= depth; index++) x = block(x, `${prefix}/block${index}`)
  }
  const features = normalised(globalAverage(x), 'norm')
  const model = initialise(tfl.model({ inputs: input, outputs: features, name }), seed, 'transformer')
  return addModelNotes(model, {
    recipe: {
      name: 'convnext-tiny',
      options: { size, channels, seed, patchSize, ...(norm && { norm }), ...dimensions },
    },
  })
}

function normalised(node: Node, name: string): Node {
  return through(new LayerNormalization({ name }), node)
}

/** A linear projection of each square of `side` x `side` positions; positions that fill no square are left out, as in PyTorch. */
function patches(node: Node, name: string, filters: number, side: number): Node {
  const layer = tfl.layers.conv2d({
    name,
    filters,
    kernelSize: side,
    strides: side,
    padding: 'valid',
    kernelInitializer: 'zeros',
  })
  return through(layer, node)
}

/** Depthwise 7x7 convolution, normalisation, perceptron of four times the width, scale, shortcut. */
function block(node: Node, name: string): Node {
  const width = node.shape.at(-1)!
  const linear = (x: Node, part: string, units: number) =>
    through(tfl.layers.dense({ name: `${name}/mlp/${part}`, units, kernelInitializer: 'zeros' }), x)
  let x = depthwiseConvolution(node, `${name}/depthwise`, 7, { bias: true })
  x = linear(normalised(x, `${name}/norm`), '1', 4 * width)
  x = linear(through(new Gelu({ name: `${name}/mlp/gelu` }), x), '2', width)
  return sum(node, through(new Scale({ name: `${name}/scale`, initial: 1e-6 }), x), `${name}/sum`)
}
