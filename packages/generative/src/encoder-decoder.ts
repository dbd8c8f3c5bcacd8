import { initialise, through } from '@selfsup/backbones'
import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'
import { decoder } from './decoder.js'
import { featureMap } from './feature-map.js'

/** Features and code of images. */
interface Encoded {
  /** output of the backbone: [batch, features] */
  readonly features: tf.Tensor2D
  /** [batch, latent] */
  readonly code: tf.Tensor2D
}

/** A backbone, a linear code, and a decoder. */
export interface EncoderDecoder {
  readonly networks: { readonly code: tfl.LayersModel; readonly decoder: tfl.LayersModel }
  encode(images: tf.Tensor4D, training: boolean): Encoded
  /** Decodes codes [batch, latent] to [batch, size, size, channels]; the range is not limited. */
  decode(code: tf.Tensor2D, training: boolean): tf.Tensor4D
  dispose(): void
}

/**
 * Creates a linear code of a backbone's output, and a decoder from the code to images. For backbones with global average
 * pooling, the code is computed from the feature map before the pooling, so that it keeps positions.
 * @param options.size, options.channels shape of the decoded images
 * @param options.seed seed of the weights of both networks
 * @throws SelfsupError if the decoder cannot create images of this size
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
