import { initialise, leakyRelu, type Node, normalisation, through, withoutAffine } from '@selfsup/backbones'
import * as tfl from '@tensorflow/tfjs-layers'
import { type GeneratorOptions, linear } from './generator.js'

export interface JointDiscriminatorOptions extends Omit<GeneratorOptions, 'kind'> {
  /** convolutional network that encodes the images */
  readonly trunk?: tfl.LayersModel
}

/**
 * BiGAN's discriminator of pairs of an image and its latents (Donahue et al. 2017, arXiv:1605.09782, section 3). The latents
 * enter each layer except the first, as in the authors' code: otherwise the network could decide from the distribution of
 * the latents alone. With a trunk, convolutions encode the image first.
 * @param options.trunk model from images to [batch, features]; its layers become part of the discriminator
 * @returns a model from [images, latents] to [batch, 1], the logit of "a real image, encoded"
 */
export function jointDiscriminator({
  latents,
  size,
  channels,
  width = 64,
  seed = 1,
  trunk,
}: JointDiscriminatorOptions): tfl.LayersModel {
  const z = tfl.input({ shape: [latents], name: 'latents' })
  const images = trunk ? trunk.inputs[0]! : tfl.input({ shape: [size, size, channels], name: 'images' })
  const encoded = trunk ? trunk.outputs[0]! : through(tfl.layers.flatten({ name: 'pixels' }), images)
  const units = 16 * width
  let x = leakyRelu(linear(trunk ? joined(encoded, z, '1') : encoded, '1/linear', units), '1/relu')
  x = normalisation(linear(joined(x, z, '2'), '2/linear', units, false), '2/bn')
  const outputs = linear(leakyRelu(x, '2/relu'), 'answer', 1)
  const model = tfl.model({ inputs: [images, z], outputs, name: 'discriminator' })
  initialise(model, seed, 'transformer')
  return trunk ? model : withoutAffine(model)
}

function joined(x: Node, latents: Node, name: string): Node {
  return tfl.layers.concatenate({ name: `${name}/joined` }).apply([x, latents]) as Node
}
