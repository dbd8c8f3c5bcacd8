import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { type DecoderOptions, decoder } from './decoder.js'
import { featureMap } from './feature-map.js'

/** Features of a backbone, and a prediction from them. */
export interface Prediction {
  /** output of the backbone: [batch, features] */
  readonly features: tf.Tensor2D
  /** [batch, size, size, channels] */
  readonly made: tf.Tensor4D
}

/**
 * Creates a decoder of a backbone's feature map, so that each position is predicted from the features at that position. If
 * the backbone has no map, or doublings of the map do not reach the size of the prediction, it decodes the pooled features.
 * @param settings settings of the decoder
 */
export function predictor(
  backbone: LayersModel,
  settings: Omit<DecoderOptions, 'inputs'>,
): { readonly network: LayersModel; apply(x: tf.Tensor4D, training: boolean): Prediction } {
  const map = featureMap(backbone)
  const shape = (map ?? backbone).outputs[0]!.shape.slice(1) as number[]
  const places = map && Number.isInteger(Math.log2(settings.size / shape[0]!)) && shape[0]! <= settings.size
  const network = decoder({
    ...settings,
    inputs: places ? (shape as [number, number, number]) : shape.at(-1)!,
  })
  return {
    network,
    apply(x: tf.Tensor4D, training: boolean) {
      const seen = (map ?? backbone).apply(x, { training }) as tf.Tensor
      const features = (map ? tf.mean(seen, [1, 2]) : seen) as tf.Tensor2D
      return { features, made: network.apply(places ? seen : features, { training }) as tf.Tensor4D }
    },
  }
}
