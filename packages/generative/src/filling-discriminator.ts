import { dcgan, halvingsOf, initialise, through } from '@selfsup/backbones'
import { expected } from '@selfsup/core'
import * as tfl from '@tensorflow/tfjs-layers'

/** DCGAN's discriminator, with its answer: [batch, size, size, channels] to [batch, 1], the logit of "true". */
export function fillingDiscriminator(options: {
  readonly size: number
  readonly channels: number
  readonly width: number
  readonly seed: number
}): tfl.LayersModel {
  const { size, seed } = options
  expected(
    size >= 8 && halvingsOf(size),
    `context-encoder: the discriminator halves what it sees down to 4 to 7 pixels, which from ${size} pixels can't be done; take pictures of another size, another part, or adversarial=0`,
  )
  const trunk = dcgan({ ...options, features: 16 * options.width })
  const answer = tfl.layers.dense({ name: 'answer', units: 1, kernelInitializer: 'zeros' })
  const outputs = through(answer, trunk.outputs[0]!)
  return initialise(tfl.model({ inputs: trunk.inputs, outputs, name: 'discriminator' }), seed, 'transformer')
}
