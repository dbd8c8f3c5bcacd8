import { initialise, through } from '@selfsup/backbones'
import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'
import { decoder } from './decoder.js'
import { featureMap } from './feature-map.js'

/** What a backbone makes of images. */
interface Encoded {
  /** its output: [batch, features] */
  readonly features: tf.Tensor2D
  /** [batch, latent] */
  readonly code: tf.Tensor2D
}

/** A backbone, a code, and images made from it. */
export interface EncoderDecoder {
  readonly networks: { readonly code: tfl.LayersModel; readonly decoder: tfl.LayersModel }
  encode(images: tf.Tensor4D, training: boolean): Encoded
  /** From codes, [batch, latent], to [batch, size, size, channels] of any range. */
  decode(code: tf.Tensor2D, training: boolean): tf.Tensor4D
  dispose(): void
}

/**
 * A backbone, a linear code of everything that it sees (of each place of the map that a convolutional one averages, so that
 * the code knows where things are), and a decoder from that code to images.
 * @param options.size, options.channels of what the decoder makes
 * @param options.seed of the weights of both
 * @throws SelfsupError when the decoder can't make such images
 */
export function encoderDecoder(
  backbone: tfl.LayersModel,
  options: {
    readonly latent: number
    readonly width: number
    readonly size: number
    readonly channels: number
    readonly seed: number
  },
): EncoderDecoder {
  const { latent, width, size, channels, seed } = options
  const map = featureMap(backbone)
  const shape = (map ?? backbone).outputs[0]!.shape.slice(1) as number[]
  const networks = {
    code: codeNetwork(shape, latent, seed + 1),
    decoder: decoder({ inputs: latent, width, size, channels, seed: seed + 2 }),
  }
  return {
    networks,
    encode(x, training) {
      const seen = (map ?? backbone).apply(x, { training }) as tf.Tensor
      const features = (map ? tf.mean(seen, [1, 2]) : seen) as tf.Tensor2D
      return { features, code: networks.code.apply(seen, { training }) as tf.Tensor2D }
    },
    decode: (code, training) => networks.decoder.apply(code, { training }) as tf.Tensor4D,
    dispose() {
      networks.code.dispose()
      networks.decoder.dispose()
    },
  }
}

function codeNetwork(shape: readonly number[], latent: number, seed: number): tfl.LayersModel {
  const input = tfl.input({ shape: [...shape], name: 'places' })
  const flat = shape.length > 1 ? through(tfl.layers.flatten({ name: 'flat' }), input) : input
  const linear = tfl.layers.dense({ name: 'linear', units: latent, kernelInitializer: 'zeros' })
  return initialise(
    tfl.model({ inputs: input, outputs: through(linear, flat), name: 'code' }),
    seed,
    'default',
  )
}
