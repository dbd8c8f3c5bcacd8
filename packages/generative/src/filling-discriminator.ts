import { countHalvings, dcgan, initialise, through } from '@selfsup/backbones'
import { expected } from '@selfsup/core'
import * as tfl from '@tensorflow/tfjs-layers'

/** DCGAN's discriminator with an output layer: [batch, size, size, channels] to [batch, 1], the logit of "real". */
export function fillingDiscriminator(options: {
  readonly size: number
  readonly channels: number
  readonly width: number
  readonly seed: number
}): tfl.LayersModel {
  const { size, seed } = options
  expected(
    size >= 8 && countHalvings(size),
    `context-encoder: the discriminator needs inputs of at least 8 pixels, and of 4 to 7 times a power of 2; got ${size} pixels; use images of another size, another part, or adversarial=0`,
  )
  const trunk = dcgan({ ...options, features: 16 * options.width })
  const answer = tfl.layers.dense({ name: 'answer', units: 1, kernelInitializer: 'zeros' })
  const outputs = through(answer, trunk.outputs[0]!)
  return initialise(tfl.model({ inputs: trunk.inputs, outputs, name: 'discriminator' }), seed, 'transformer')
}
