import type { Method, Normalisation } from '@selfsup/core'
import type * as tf from '@tensorflow/tfjs-core'
import type { IicOptionValues } from './iic-options.js'

/** Which head: the clusters that are wanted, or the auxiliary, finer ones. */
export type IicHead = 'clusters' | 'overClusters'

/** A plain view of each image, and transformed ones, all of the first copy before the second. */
export type IicPair = [plain: tf.Tensor4D, transformed: tf.Tensor4D]

export interface Iic extends Method<IicPair> {
  readonly options: Readonly<IicOptionValues>
  /** what the method does to pixels, 0..1 */
  readonly normalisation: Normalisation
  /** side of the images whose middle is as large as the backbone takes them */
  readonly imageSize: number
  /**
   * Probabilities of the clusters, once training is over.
   * @param images normalised, of any size, of which the middle is taken
   * @returns [batch, subHeads, clusters]
   */
  probabilities(images: tf.Tensor4D, head: IicHead): tf.Tensor3D
  /** The loss of each sub-head on views of a batch, [subHeads], with batch normalisation at rest: the lower, the better. */
  subHeadLosses(views: IicPair, head: IicHead): tf.Tensor1D
}
