import { derive, normals } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'
import type { IicOptionValues } from './iic-options.js'
import type { IicHead } from './iic-types.js'

/**
 * Several linear classifiers side by side, all of the same features, that begin differently: of clusterings learned
 * from one start some are better than others (Ji et al. 2019, arXiv:1807.06653, section 4.1). Weights begin normal with
 * deviation 0.01, biases with 0, as in the authors' code.
 * @param options.inputs features
 * @param options.clusters of each sub-head
 * @returns a model from [batch, inputs] to logits [batch, subHeads, clusters]
 */
export function clusterHead({
  inputs,
  clusters,
  subHeads,
  seed,
}: Readonly<Record<'inputs' | 'clusters' | 'subHeads' | 'seed', number>>): tfl.LayersModel {
  const input = tfl.input({ shape: [inputs], name: 'features' })
  const linear = tfl.layers.dense({
    name: 'linear',
    units: subHeads * clusters,
    kernelInitializer: 'zeros',
    biasInitializer: 'zeros',
  })
  const logits = tfl.layers.reshape({ name: 'subheads', targetShape: [subHeads, clusters] })
  const model = tfl.model({
    inputs: input,
    outputs: logits.apply(linear.apply(input)) as tfl.SymbolicTensor,
    name: 'clusters',
  })
  tf.tidy(() => {
    const kernel = linear.weights[0]!.read() as tf.Variable
    const drawn = normals(derive([seed, 0x11c], 0), kernel.size).map((value) => value * 0.01)
    kernel.assign(tf.tensor(drawn, kernel.shape))
  })
  return model
}

/** How many clusters are in use, the mean over sub-heads: e to the entropy of the mean assignment. */
export function clustersInUse(p: tf.Tensor3D): tf.Scalar {
  const share = tf.mean(p, 0)
  const entropy = tf.neg(tf.sum(tf.mul(share, tf.log(tf.maximum(share, 1e-12))), 1))
  return tf.mean(tf.exp(entropy)) as tf.Scalar
}

/** The head whose turn it is: so many epochs of one, so many of the other. */
export function headOf(
  epoch: number,
  {
    clusterEpochs,
    overEpochs,
    overFirst,
  }: Pick<IicOptionValues, 'clusterEpochs' | 'overEpochs' | 'overFirst'>,
): IicHead {
  const place = epoch % (clusterEpochs + overEpochs)
  if (overFirst) return place < overEpochs ? 'overClusters' : 'clusters'
  return place < clusterEpochs ? 'clusters' : 'overClusters'
}
