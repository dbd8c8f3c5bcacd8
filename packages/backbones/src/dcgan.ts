import { addModelNotes, expected } from '@selfsup/core'
import * as tfl from '@tensorflow/tfjs-layers'
import { leakyRelu, type Node, normalisation, through } from './blocks.js'
import { initialise } from './initial-weights.js'
import { type BackboneOptions, checkInput } from './input.js'

export interface DcganOptions extends BackboneOptions {
  /** filters of the first convolution; each of the others has twice as many as the one before */
  readonly width?: number
  /** units of the last layer */
  readonly features?: number
}

/** How often `size` must be halved to reach 4 to 7 pixels, at least once; undefined if exact halves do not lead there. */
export function countHalvings(size: number): number | undefined {
  let [side, halvings] = [size, 0]
  while (side > 7 && side % 2 === 0) {
    side /= 2
    halvings++
  }
  return side >= 4 && side <= 7 && halvings > 0 ? halvings : undefined
}

/**
 * The discriminator of DCGAN (Radford et al. 2016, arXiv:1511.06434, section 3) without its output layer: 4x4 convolutions
 * that halve the image down to 4 to 7 pixels, with leaky ReLU (slope 0.2) and, in all but the first, normalisation; then a
 * linear layer over all positions, so that features depend on where something is in the image.
 * @param options.size side of the images in pixels: 4 to 7 times a power of 2, such as 28, 32, 64, 96, 224
 * @returns a model from [batch, size, size, channels] to [batch, features]
 * @throws SelfsupError if exact halves of the size do not lead to 4 to 7 pixels, or width or features are below 1
 */
export function dcgan({
  size,
  channels = 3,
  seed = 1,
  norm = 'batch',
  width = 64,
  features = 256,
}: DcganOptions): tfl.LayersModel {
  checkInput('dcgan', size, 8, channels)
  const halvings = countHalvings(size)
  expected(
    halvings,
    `dcgan: size must be 4 to 7 times a power of 2, because each convolution halves the image down to 4 to 7 pixels; got ${size}`,
    { fix: 'use a size such as 28, 32, 48, 64 or 96' },
  )
  for (const [name, value] of Object.entries({ width, features }))
    expected(
      Number.isInteger(value) && value >= 1,
      `dcgan: ${name} must be a whole number of at least 1; got ${value}`,
    )
  const input = tfl.input({ shape: [size, size, channels], name: 'images' })
  let x: Node = input
  for (let stage = 1; stage <= halvings; stage++) {
    const convolution = tfl.layers.conv2d({
      name: `stage${stage}/conv`,
      filters: width * 2 ** (stage - 1),
      kernelSize: 4,
      strides: 2,
      padding: 'same',
      useBias: stage === 1,
      kernelInitializer: 'zeros',
    })
    x = through(convolution, x)
    if (stage > 1) x = normalisation(x, `stage${stage}/bn`, false, norm)
    x = leakyRelu(x, `stage${stage}/relu`)
  }
  const linear = tfl.layers.dense({ name: 'features/linear', units: features, kernelInitializer: 'zeros' })
  x = leakyRelu(through(linear, through(tfl.layers.flatten({ name: 'places' }), x)), 'features/relu')
  const model = initialise(tfl.model({ inputs: input, outputs: x, name: 'dcgan' }), seed, 'transformer')
  return addModelNotes(model, {
    recipe: { name: 'dcgan', options: { size, channels, seed, norm, width, features } },
  })
}
