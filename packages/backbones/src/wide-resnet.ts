import { addModelNotes, expected } from '@selfsup/core'
import * as tfl from '@tensorflow/tfjs-layers'
import { convolution, globalAverage, type Node, normalisationRelu, sum } from './blocks.js'
import { initialise } from './initial-weights.js'
import { type BackboneOptions, checkInput } from './input.js'

export interface WideResnetOptions extends BackboneOptions {
  /** number of convolutions, 6n + 4; default 28 */
  readonly depth?: number
  /** multiplies the 16, 32 and 64 filters of the stages; default 2 */
  readonly width?: number
}

/**
 * Wide ResNet for small images (Zagoruyko & Komodakis 2016, arXiv:1605.07146, table 1) without its classifier:
 * three stages, with normalisation and ReLU before each convolution.
 * @returns a model from [batch, size, size, channels] to [batch, 64 * width]
 * @throws SelfsupError if depth is not 6n + 4 or the images are too small
 */
export function wideResnet({
  size,
  channels = 3,
  seed = 1,
  norm = 'batch',
  depth = 28,
  width = 2,
}: WideResnetOptions): tfl.LayersModel {
  checkInput('wideResnet', size, 8, channels)
  expected(
    Number.isInteger((depth - 4) / 6) && depth >= 10,
    `wideResnet: depth must be 6n + 4 and at least 10; got ${depth}`,
  )
  const input = tfl.input({ shape: [size, size, channels], name: 'images' })
  let x = convolution(input, 'stem/conv', 16, 3)
  for (let stage = 0; stage < 3; stage++) {
    for (let index = 0; index < (depth - 4) / 6; index++) {
      const strides = stage > 0 && index === 0 ? 2 : 1
      x = preActivationBlock(x, `stage${stage + 1}/block${index + 1}`, 16 * width * 2 ** stage, strides, norm)
    }
  }
  x = normalisationRelu(x, 'last/bn', 'last/relu', norm)
  const name = `wide-resnet-${depth}-${width}`
  const model = initialise(tfl.model({ inputs: input, outputs: globalAverage(x), name }), seed, 'he')
  return addModelNotes(model, {
    recipe: { name: 'wide-resnet-28-2', options: { size, channels, seed, norm, depth, width } },
  })
}

/** Two activations and convolutions. If the shape changes, the shortcut starts at the first activation. */
function preActivationBlock(
  node: Node,
  name: string,
  filters: number,
  strides: number,
  norm: BackboneOptions['norm'],
): Node {
  const activated = normalisationRelu(node, `${name}/1/bn`, `${name}/1/relu`, norm)
  const first = convolution(activated, `${name}/1/conv`, filters, 3, strides)
  const again = normalisationRelu(first, `${name}/2/bn`, `${name}/2/relu`, norm)
  const residual = convolution(again, `${name}/2/conv`, filters, 3)
  const fits = strides === 1 && node.shape.at(-1) === filters
  const shortcut = fits ? node : convolution(activated, `${name}/shortcut/conv`, filters, 1, strides)
  return sum(residual, shortcut, `${name}/sum`)
}
