import { addModelNotes } from '@selfsup/core'
import * as tfl from '@tensorflow/tfjs-layers'
import { convBnRelu, type Node, through } from './blocks.js'
import { initialise } from './initial-weights.js'
import { type BackboneOptions, checkInput, checkWidths } from './input.js'

export interface PooledConvnetOptions extends BackboneOptions {
  /** filters of each convolution (the first 5x5, others 3x3), each followed by 2x2 max pooling */
  readonly widths?: readonly number[]
}

/**
 * A small network for digits and other small images in which positions matter: convolutions, each with batch
 * normalisation (`norm`), ReLU and 2x2 max pooling. The features are all positions of the last map, not its mean. Similar
 * to the VGG-like network of IIC for MNIST (Ji et al. 2019, arXiv:1807.06653, supplement), but smaller.
 * @param options.size side of the images in pixels; pooling drops the last row and column of odd sides
 * @returns a model from [batch, size, size, channels] to [batch, side * side * last width], where each convolution halves
 *   the side: 24 pixels give 3 * 3 * 128 features
 * @throws SelfsupError if the size is too small for the number of halvings, or a width is not a whole number of at least 1
 */
export function pooledConvnet({
  size,
  channels = 3,
  seed = 1,
  norm = 'batch',
  widths = [32, 64, 128],
}: PooledConvnetOptions): tfl.LayersModel {
  checkInput('pooledConvnet', size, 2 ** widths.length, channels)
  checkWidths('pooledConvnet', widths)
  const input = tfl.input({ shape: [size, size, channels], name: 'images' })
  let x: Node = input
  for (const [index, width] of widths.entries()) {
    const name = `stage${index + 1}`
    x = convBnRelu(x, name, width, index === 0 ? 5 : 3, 1, norm)
    x = through(tfl.layers.maxPooling2d({ name: `${name}/pool`, poolSize: 2, strides: 2 }), x)
  }
  const outputs = through(tfl.layers.flatten({ name: 'places' }), x)
  const model = initialise(tfl.model({ inputs: input, outputs, name: 'pooled-convnet' }), seed, 'he')
  return addModelNotes(model, {
    recipe: { name: 'pooled-convnet', options: { size, channels, seed, norm, widths } },
  })
}
