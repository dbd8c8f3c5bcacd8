import { derive, normals } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'

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
