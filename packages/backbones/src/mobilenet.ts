import { addModelNotes, expected } from '@selfsup/core'
import * as tfl from '@tensorflow/tfjs-layers'
import {
  convolution,
  depthwiseConvolution,
  globalAverage,
  type Node,
  normalisation,
  normalisationRelu,
  sum,
  through,
} from './blocks.js'
import { HardSwish, hardSigmoid } from './hard-swish.js'
import { initialise } from './initial-weights.js'
import { type BackboneOptions, checkInput, checkWidths } from './input.js'
import { reshape } from './transformer-block.js'

export interface MobilenetOptions extends BackboneOptions {
  /**
   * `imagenet`: the stem and four blocks halve the size; `cifar`: the stem and the first of these blocks keep it, for small
   * images; default cifar up to 64 pixels, imagenet above
   */
  readonly stem?: 'cifar' | 'imagenet'
  /** filters of the stem, of each block, and of the last convolution; default those of the paper */
  readonly widths?: readonly number[]
  /** filters inside of each block; default those of the paper */
  readonly expansions?: readonly number[]
  /** added to the variance in batch normalisations; default 0.001, as in the paper's and torchvision's networks */
  readonly epsilon?: number
}

/** A block: kernel size, filters inside and after, whether it has a gate, whether it uses hard swish, stride. */
type BlockSettings = readonly [
  kernel: number,
  expanded: number,
  filters: number,
  gate: boolean,
  swish: boolean,
  strides: 1 | 2,
]

interface Shape {
  readonly stages: readonly (readonly BlockSettings[])[]
  readonly last: number
}

/** Table 1 of the paper. */
const large: Shape = {
  stages: [
    [[3, 16, 16, false, false, 1]],
    [
      [3, 64, 24, false, false, 2],
      [3, 72, 24, false, false, 1],
    ],
    [
      [5, 72, 40, true, false, 2],
      [5, 120, 40, true, false, 1],
      [5, 120, 40, true, false, 1],
    ],
    [
      [3, 240, 80, false, true, 2],
      [3, 200, 80, false, true, 1],
      [3, 184, 80, false, true, 1],
      [3, 184, 80, false, true, 1],
    ],
    [
      [3, 480, 112, true, true, 1],
      [3, 672, 112, true, true, 1],
    ],
    [
      [5, 672, 160, true, true, 2],
      [5, 960, 160, true, true, 1],
      [5, 960, 160, true, true, 1],
    ],
  ],
  last: 960,
}

/** Table 2 of the paper. */
const small: Shape = {
  stages: [
    [[3, 16, 16, true, false, 2]],
    [
      [3, 72, 24, false, false, 2],
      [3, 88, 24, false, false, 1],
    ],
    [
      [5, 96, 40, true, true, 2],
      [5, 240, 40, true, true, 1],
      [5, 240, 40, true, true, 1],
    ],
    [
      [5, 120, 48, true, true, 1],
      [5, 144, 48, true, true, 1],
    ],
    [
      [5, 288, 96, true, true, 2],
      [5, 576, 96, true, true, 1],
      [5, 576, 96, true, true, 1],
    ],
  ],
  last: 576,
}

/**
 * MobileNetV3-Small (Howard et al. 2019, arXiv:1905.02244) without its classifier. The features are the mean of the last map, before
 * the classifier's hidden layer.
 * @returns a model from [batch, size, size, channels] to [batch, 576]
 */
export function mobilenetV3Small(options: MobilenetOptions): tfl.LayersModel {
  return mobilenetV3('mobilenet-v3-small', 'mobilenetV3Small', options, small)
}

/** MobileNetV3-Large without its classifier: [batch, size, size, channels] to [batch, 960]. */
export function mobilenetV3Large(options: MobilenetOptions): tfl.LayersModel {
  return mobilenetV3('mobilenet-v3-large', 'mobilenetV3Large', options, large)
}

type BlockOptions = Pick<BackboneOptions, 'norm'> & { readonly epsilon: number }

function mobilenetV3(
  recipe: string,
  name: string,
  {
    size,
    channels = 3,
    seed = 1,
    stem = size <= 64 ? 'cifar' : 'imagenet',
    norm = 'batch',
    epsilon = 1e-3,
    ...dimensions
  }: MobilenetOptions,
  { stages, last }: Shape,
): tfl.LayersModel {
  checkInput(name, size, stem === 'cifar' ? 8 : 32, channels)
  const blocks = stages.flat()
  const {
    widths = [16, ...blocks.map(([, , filters]) => filters), last],
    expansions = blocks.map(([, expanded]) => expanded),
  } = dimensions
  checkWidths(name, [...widths, ...expansions])
  expected(
    widths.length === blocks.length + 2 && expansions.length === blocks.length,
    `${name}: widths must have ${blocks.length + 2} numbers and expansions ${blocks.length}; got ${widths.length} and ${expansions.length}`,
  )
  const input = tfl.input({ shape: [size, size, channels], name: 'images' })
  const options = { norm, epsilon }
  const first = convolution(input, 'stem/conv', widths[0]!, 3, stem === 'cifar' ? 1 : 2)
  let x = activated(first, 'stem', true, options)
  let position = 0
  let toKeep = stem === 'cifar' ? 1 : 0
  for (const [stage, list] of stages.entries())
    for (const [index, [kernel, , , gate, swish, ownStrides]] of list.entries()) {
      const strides = ownStrides === 2 && toKeep-- > 0 ? 1 : ownStrides
      const settings = [kernel, expansions[position]!, widths[position + 1]!, gate, swish, strides] as const
      x = block(x, `stage${stage + 1}/block${index + 1}`, settings, options)
      position++
    }
  x = activated(convolution(x, 'head/conv', widths.at(-1)!, 1), 'head', true, options)
  const model = initialise(tfl.model({ inputs: input, outputs: globalAverage(x), name }), seed, 'he')
  return addModelNotes(model, {
    recipe: { name: recipe, options: { size, channels, seed, stem, norm, epsilon, ...dimensions } },
  })
}

/** Normalisation, then hard swish or ReLU. */
function activated(node: Node, name: string, swish: boolean, { norm, epsilon }: BlockOptions): Node {
  if (!swish) return normalisationRelu(node, `${name}/bn`, `${name}/relu`, norm, epsilon)
  const normalised = normalisation(node, `${name}/bn`, false, norm, epsilon)
  return through(new HardSwish({ name: `${name}/swish`, shape: node.shape.slice(1) as number[] }), normalised)
}

/** 1x1 to more channels, depthwise, gate, 1x1 to fewer channels; a shortcut if the shape stays. */
function block(
  node: Node,
  name: string,
  [kernel, expanded, filters, gate, swish, strides]: BlockSettings,
  options: BlockOptions,
): Node {
  const channels = node.shape.at(-1)!
  let x = node
  if (expanded !== channels)
    x = activated(convolution(x, `${name}/expand/conv`, expanded, 1), `${name}/expand`, swish, options)
  x = depthwiseConvolution(x, `${name}/depthwise/conv`, kernel, { strides })
  x = activated(x, `${name}/depthwise`, swish, options)
  if (gate) x = gated(x, `${name}/gate`)
  x = convolution(x, `${name}/project/conv`, filters, 1)
  x = normalisation(x, `${name}/project/bn`, false, options.norm, options.epsilon)
  return strides === 1 && channels === filters ? sum(node, x, `${name}/sum`) : x
}

/** Multiplies each channel by a number from 0 to 1 that depends on the means of all channels (Hu et al. 2018, arXiv:1709.01507). */
function gated(node: Node, name: string): Node {
  const channels = node.shape.at(-1)!
  const linear = (x: Node, part: string, filters: number) =>
    through(
      tfl.layers.conv2d({ name: `${name}/${part}`, filters, kernelSize: 1, kernelInitializer: 'zeros' }),
      x,
    )
  const means = reshape(globalAverage(node, `${name}/pool`), `${name}/row`, [1, 1, channels])
  const hidden = through(tfl.layers.reLU({ name: `${name}/relu` }), linear(means, '1', gateWidth(channels)))
  const gate = hardSigmoid(linear(hidden, '2', channels), `${name}/sigmoid`)
  return tfl.layers.multiply({ name: `${name}/product` }).apply([node, gate]) as Node
}

/** A quarter of the channels, rounded to a multiple of 8, but not down by more than a tenth (torchvision's `_make_divisible`). */
function gateWidth(channels: number): number {
  const quarter = Math.floor(channels / 4)
  const rounded = Math.max(8, Math.floor((quarter + 4) / 8) * 8)
  return rounded < 0.9 * quarter ? rounded + 8 : rounded
}
