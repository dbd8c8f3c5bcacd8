import { addModelNotes } from '@selfsup/core'
import * as tfl from '@tensorflow/tfjs-layers'
import { convBnRelu, globalAverage } from './blocks.js'
import { initialise } from './initial-weights.js'
import { type BackboneOptions, checkInput } from './input.js'

export interface ConvnetOptions extends BackboneOptions {
  /** filters of each 3x3 convolution; the first keeps the size, each of the others halves it */
  readonly widths?: readonly number[]
}

/**
 * A small network for small machines: 3x3 convolutions, each with batch normalisation (`norm`) and ReLU, then the
 * mean over the image. The default widths give 388,896 weights and 256 features.
 * @param options.size side of the images in pixels
 * @returns a model from [batch, size, size, channels] to [batch, last width]
 * @throws SelfsupError if the size is too small for the number of halvings
 */
export function convnet({
  size,
  channels = 3,
  seed = 1,
  norm = 'batch',
  widths = [32, 64, 128, 256],
}: ConvnetOptions): tfl.LayersModel {
  checkInput('convnet', size, 2 ** (widths.length - 1), channels)
  const input = tfl.input({ shape: [size, size, channels], name: 'images' })
  let x = input
  for (const [index, width] of widths.entries())
    x = convBnRelu(x, `stage${index + 1}`, width, 3, index === 0 ? 1 : 2, norm)
  const model = initialise(
    tfl.model({ inputs: input, outputs: globalAverage(x), name: 'convnet' }),
    seed,
    'default',
  )
  return addModelNotes(model, {
    recipe: { name: 'convnet', options: { size, channels, seed, norm, widths } },
  })
}
