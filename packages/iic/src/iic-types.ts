import type { Method, Normalisation } from '@selfsup/core'
import type * as tf from '@tensorflow/tfjs-core'
import type { IicOptionValues } from './iic-options.js'

/** Which head: the main one, or the auxiliary over-clustering one. */
export type IicHead = 'clusters' | 'overClusters'

/** One plain view of each image, and the transformed copies: all first copies, then all second copies, and so on. */
export type IicPair = [plain: tf.Tensor4D, transformed: tf.Tensor4D]

export interface Iic extends Method<IicPair> {
  readonly options: Readonly<IicOptionValues>
  /** normalisation of pixels in 0..1 */
  readonly normalisation: Normalisation
  /** side of whole images, whose centre crop has the size of the backbone's input */
  readonly imageSize: number
  /**
   * Probabilities of the clusters, in inference mode.
   * @param images normalised, of any size; a centre crop of each is used
   * @returns [batch, subHeads, clusters]
   */
  probabilities(images: tf.Tensor4D, head: IicHead): tf.Tensor3D
  /** Loss of each sub-head on the views of a batch, [subHeads], in inference mode. Lower is better. */
  subHeadLosses(views: IicPair, head: IicHead): tf.Tensor1D
}
