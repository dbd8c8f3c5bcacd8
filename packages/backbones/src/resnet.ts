import { addModelNotes, expected } from '@selfsup/core'
import * as tfl from '@tensorflow/tfjs-layers'
import {
  convBnRelu,
  convolution,
  globalAverage,
  type Node,
  normalisation,
  relu,
  sum,
  through,
} from './blocks.js'
import { initialise } from './initial-weights.js'
import { type BackboneOptions, checkInput, checkWidths } from './input.js'

export interface ResnetOptions extends BackboneOptions {
  /**
   * first layers: `cifar` is one 3x3 convolution (SimCLR, appendix B.9), `imagenet` is a 7x7 convolution with stride 2 and
   * max pooling; default cifar up to 64 pixels, imagenet above
   */
  readonly stem?: 'cifar' | 'imagenet'
  /** each residual branch starts at zero (Goyal et al. 2017, arXiv:1706.02677); default true */
  readonly zeroInitLastGamma?: boolean
  /** filters of each stage, before a bottleneck's expansion; default 64, 128, 256, 512 */
  readonly widths?: readonly number[]
  /** blocks of each stage; default those of the named depth */
  readonly depths?: readonly number[]
}

/** Options of a block: its normalisation, and how residual branches are initialised. */
type BlockOptions = Required<Pick<ResnetOptions, 'norm' | 'zeroInitLastGamma'>>
type Block = (node: Node, name: string, filters: number, strides: number, options: BlockOptions) => Node

/**
 * ResNet-18 (He et al. 2015, arXiv:1512.03385) without its classifier: 512 features.
 * @returns a model from [batch, size, size, channels] to [batch, 512]
 */
export function resnet18(options: ResnetOptions): tfl.LayersModel {
  return resnet('resnet18', options, basicBlock, [2, 2, 2, 2])
}

/** ResNet-34 without its classifier: [batch, size, size, channels] to [batch, 512]. */
export function resnet34(options: ResnetOptions): tfl.LayersModel {
  return resnet('resnet34', options, basicBlock, [3, 4, 6, 3])
}

/** ResNet-50 without its classifier: [batch, size, size, channels] to [batch, 2048]. */
export function resnet50(options: ResnetOptions): tfl.LayersModel {
  return resnet('resnet50', options, bottleneck, [3, 4, 6, 3])
}

function resnet(
  name: string,
  {
    size,
    channels = 3,
    seed = 1,
    stem = size <= 64 ? 'cifar' : 'imagenet',
    zeroInitLastGamma = true,
    norm = 'batch',
    ...dimensions
  }: ResnetOptions,
  block: Block,
  ownDepths: readonly number[],
): tfl.LayersModel {
  checkInput(name, size, stem === 'cifar' ? 8 : 32, channels)
  const { widths = [64, 128, 256, 512], depths = ownDepths } = dimensions
  checkWidths(name, widths)
  expected(
    depths.length === widths.length && depths.every((depth) => Number.isInteger(depth) && depth >= 1),
    `${name}: depths must be a whole number of at least 1 for each of the ${widths.length} widths; got [${depths}]`,
  )
  const input = tfl.input({ shape: [size, size, channels], name: 'images' })
  let x =
    stem === 'cifar'
      ? convBnRelu(input, 'stem', widths[0]!, 3, 1, norm)
      : imagenetStem(input, widths[0]!, norm)
  for (const [stage, depth] of depths.entries()) {
    for (let index = 0; index < depth; index++) {
      const strides = stage > 0 && index === 0 ? 2 : 1
      const name = `stage${stage + 1}/block${index + 1}`
      x = block(x, name, widths[stage]!, strides, { norm, zeroInitLastGamma })
    }
  }
  const model = initialise(tfl.model({ inputs: input, outputs: globalAverage(x), name }), seed, 'he')
  return addModelNotes(model, {
    recipe: { name, options: { size, channels, seed, stem, zeroInitLastGamma, norm, ...dimensions } },
  })
}

function imagenetStem(input: Node, width: number, norm: BlockOptions['norm']): Node {
  const x = convBnRelu(input, 'stem', width, 7, 2, norm)
  // After a ReLU, padding with zeros is equivalent to PyTorch's padding with minus infinity.
  const padded = through(
    tfl.layers.zeroPadding2d({
      name: 'stem/pool/pad',
      padding: [
        [1, 1],
        [1, 1],
      ],
    }),
    x,
  )
  return through(
    tfl.layers.maxPooling2d({ name: 'stem/pool', poolSize: 3, strides: 2, padding: 'valid' }),
    padded,
  )
}

/** Two 3x3 convolutions with a shortcut. */
function basicBlock(
  node: Node,
  name: string,
  filters: number,
  strides: number,
  { norm, zeroInitLastGamma }: BlockOptions,
): Node {
  let x = convBnRelu(node, `${name}/1`, filters, 3, strides, norm)
  x = normalisation(convolution(x, `${name}/2/conv`, filters, 3), `${name}/2/bn`, zeroInitLastGamma, norm)
  return relu(sum(x, shortcut(node, name, filters, strides, norm), `${name}/sum`), `${name}/relu`)
}

/** 1x1 to fewer channels, 3x3, 1x1 to four times as many channels. The 3x3 convolution has the stride, as in torchvision. */
function bottleneck(
  node: Node,
  name: string,
  filters: number,
  strides: number,
  { norm, zeroInitLastGamma }: BlockOptions,
): Node {
  let x = convBnRelu(node, `${name}/1`, filters, 1, 1, norm)
  x = convBnRelu(x, `${name}/2`, filters, 3, strides, norm)
  x = normalisation(convolution(x, `${name}/3/conv`, 4 * filters, 1), `${name}/3/bn`, zeroInitLastGamma, norm)
  return relu(sum(x, shortcut(node, name, 4 * filters, strides, norm), `${name}/sum`), `${name}/relu`)
}

/** The input if its shape fits, otherwise a 1x1 convolution of it. */
function shortcut(
  node: Node,
  name: string,
  filters: number,
  strides: number,
  norm: BlockOptions['norm'],
): Node {
  if (strides === 1 && node.shape.at(-1) === filters) return node
  const convolved = convolution(node, `${name}/shortcut/conv`, filters, 1, strides)
  return normalisation(convolved, `${name}/shortcut/bn`, false, norm)
}
