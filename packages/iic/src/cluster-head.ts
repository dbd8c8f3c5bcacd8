import { derive, normals } from '@selfsup/core'
import { rowsOfAllWorkers } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'
import type { IicOptionValues } from './iic-options.js'
import type { IicHead } from './iic-types.js'

/**
 * Several linear classifiers (sub-heads) of the same features with different initial weights. Some of them find better
 * clusters than others, and the best is selected after training (Ji et al. 2019, arXiv:1807.06653, section 4.1). Weights
 * are initialised from a normal distribution with standard deviation 0.01, biases with 0, as in the authors' code.
 * @param options.inputs number of features
 * @param options.clusters number of clusters of each sub-head
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

/** Effective number of clusters, the exponential of the entropy of the mean assignment; mean over sub-heads. */
export function clustersInUse(p: tf.Tensor3D): tf.Scalar {
  const share = tf.mean(rowsOfAllWorkers(p), 0)
  const entropy = tf.neg(tf.sum(tf.mul(share, tf.log(tf.maximum(share, 1e-12))), 1))
  return tf.mean(tf.exp(entropy)) as tf.Scalar
}

/** The head that is trained in an epoch when the heads alternate. */
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
