import { projector } from '@selfsup/backbones'
import { expected } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { clusterHead } from './cluster-head.js'
import type { IicOptionValues } from './iic-options.js'
import type { IicHead } from './iic-types.js'

/** The networks after the backbone: an optional hidden layer and one head per clustering. */
export interface IicNetworks {
  readonly projector?: LayersModel
  readonly heads: { readonly clusters: LayersModel; readonly overClusters?: LayersModel }
  /** Input of the heads: the features, or the hidden layer's output. */
  seenByHeads(features: tf.Tensor2D, training: boolean): tf.Tensor2D
  /** Probabilities of the clusters of each sub-head, [batch, subHeads, clusters]. @throws SelfsupError when there is no such head */
  assign(head: IicHead, seen: tf.Tensor2D): tf.Tensor3D
  dispose(): void
}

/** @param features number of features of the backbone */
export function iicNetworks(
  features: number,
  { clusters, overClusters, subHeads, hidden, temperature }: IicOptionValues,
  seed: number,
): IicNetworks {
  const head = (clusters: number, stream: number) =>
    clusterHead({ inputs: hidden > 0 ? hidden : features, clusters, subHeads, seed: seed + stream })
  const layer = {
    inputs: features,
    hidden,
    outputs: hidden,
    layers: 1,
    outputBatchNorm: true,
    seed: seed + 3,
  }
  const shared = hidden > 0 ? projector(layer) : undefined
  const heads: IicNetworks['heads'] = {
    clusters: head(clusters, 1),
    ...(overClusters > 0 && { overClusters: head(overClusters, 2) }),
  }
  return {
    ...(shared && { projector: shared }),
    heads,
    seenByHeads: (features, training) =>
      shared ? tf.relu(shared.apply(features, { training }) as tf.Tensor2D) : features,
    assign(head, seen) {
      const model = heads[head]
      expected(model, `iic: there is no head '${head}', because overClusters is 0`)
      return tf.softmax(tf.div(model.apply(seen) as tf.Tensor3D, temperature)) as tf.Tensor3D
    },
    dispose() {
      shared?.dispose()
      for (const model of Object.values(heads)) model.dispose()
    },
  }
}
