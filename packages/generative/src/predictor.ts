import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { type DecoderOptions, decoder } from './decoder.js'
import { featureMap } from './feature-map.js'

/** What a backbone sees, and what is predicted from that. */
export interface Prediction {
  /** its output: [batch, features] */
  readonly features: tf.Tensor2D
  /** [batch, size, size, channels] */
  readonly made: tf.Tensor4D
}

/**
 * A decoder of a backbone's map, so that what is predicted of a place comes from what is there; of its features, where it has
 * no map, or none that doublings make as large as the prediction.
 * @param settings the decoder's
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
