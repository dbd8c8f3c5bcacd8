import { addModelNotes } from '@selfsup/core'
import * as tfl from '@tensorflow/tfjs-layers'
import { leakyRelu, type Node, normalisation, through, withoutAffine } from './blocks.js'
import { initialise } from './initial-weights.js'
import { type BackboneOptions, checkInput, checkWidths } from './input.js'

export interface FullyConnectedOptions extends BackboneOptions {
  /** units of each layer; the last layer's units are the features */
  readonly widths?: readonly number[]
}

/**
 * Linear layers with leaky ReLU (slope 0.2) and, in all but the first, normalisation. The network has no notion of pixel
 * positions, as BiGAN's for permutation-invariant MNIST (Donahue et al. 2017, arXiv:1605.09782, appendix C).
 * Normalisations have no learned scale and shift, as in the authors' code: all features have the same scale, which nearest
 * neighbours depend on.
 * @param options.size side of the images in pixels
 * @returns a model from [batch, size, size, channels] to [batch, last width]
 * @throws SelfsupError if a width is not a whole number of at least 1
 */
export function fullyConnected({
  size,
  channels = 3,
  seed = 1,
  norm = 'batch',
  widths = [1024, 1024],
}: FullyConnectedOptions): tfl.LayersModel {
  checkInput('fullyConnected', size, 1, channels)
  checkWidths('fullyConnected', widths)
  const input = tfl.input({ shape: [size, size, channels], name: 'images' })
  let x: Node = through(tfl.layers.flatten({ name: 'pixels' }), input)
  for (const [index, units] of widths.entries()) {
    const name = `${index + 1}`
    const linear = {
      name: `${name}/linear`,
      units,
      useBias: index === 0,
      kernelInitializer: 'zeros',
    } as const
    x = through(tfl.layers.dense(linear), x)
    if (index > 0) x = normalisation(x, `${name}/bn`, false, norm)
    x = leakyRelu(x, `${name}/relu`)
  }
  const model = tfl.model({ inputs: input, outputs: x, name: 'fully-connected' })
  return addModelNotes(withoutAffine(initialise(model, seed, 'transformer')), {
    recipe: { name: 'fully-connected', options: { size, channels, seed, norm, widths } },
  })
}
