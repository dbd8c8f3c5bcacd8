import type { Method } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { testMethod } from '../../../tooling/vitest/method-contract.js'
import { definition } from './index.js'

testMethod(definition, {
  options: { clusters: 3, overClusters: 5, subHeads: 2, repeats: 2 },
  conflicts: ['overClusters'],
  tolerance: 2e-3, // Adam divides gradients by their size, which amplifies the rounding error of small ones
  prepare: decide,
  webgpu: true,
})

/** Scales the heads' weights. Initially all clusters are almost equally likely and the loss is flat. */
function decide({ networks: { clusters, overClusters } }: Method): void {
  for (const head of [clusters, overClusters]) {
    if (!head) continue
    const kernel = head.weights[0]!.read() as tf.Variable
    tf.tidy(() => kernel.assign(tf.mul(kernel, 200)))
  }
}
