import { momentumCopy, predictor, projector } from '@selfsup/backbones'
import type { Method } from '@selfsup/core'
import { infoNce } from '@selfsup/losses'
import { cosineOf, exponentialMovingAverage } from '@selfsup/optim'
import * as tf from '@tensorflow/tfjs-core'
import type { MocoParts, MocoViews } from './parts.js'

/** Keys of both views, each [batch, features]. */
type Keys = [tf.Tensor2D, tf.Tensor2D]

/**
 * MoCo v3 (Chen et al. 2021, arXiv:2104.02057, algorithm 1). There is no queue: the query of each view is compared with
 * the keys of the other view of all images in the batch. A predictor follows the encoder that is trained.
 */
export function mocoV3({
  backbone,
  features,
  settings,
  seed,
  transformer,
  freezePatches,
}: MocoParts & { readonly transformer: boolean; readonly freezePatches: boolean }) {
  const { momentum, temperature, batchGroups, hidden, outputs, layers } = settings
  // Training is more stable with a fixed random patch projection than with a learned one (section 4.2).
  const patches = backbone.layers.find(({ name }) => name === 'patches/projection')
  if (patches && freezePatches) patches.trainable = false
  const normalised = { outputBatchNorm: true, outputAffine: false }
  const head = projector({ inputs: features, hidden, outputs, layers, ...normalised, seed: seed + 1 })
  const ahead = predictor({
    inputs: outputs,
    hidden,
    outputs,
    ...(transformer && normalised),
    seed: seed + 2,
  })
  const momentumEncoder = momentumCopy({ backbone, projector: head })
  const networks = { backbone, projector: head, predictor: ahead }

  const pass = { training: true, batchGroups }
  const query = (x: tf.Tensor4D) =>
    Object.values(networks).reduce<tf.Tensor>(
      (y, model) => model.apply(y, pass) as tf.Tensor,
      x,
    ) as tf.Tensor2D
  // The factor 2 * temperature makes the loss depend less on the temperature and its gradient as large as BYOL's.
  const contrast = (q: tf.Tensor2D, k: tf.Tensor2D) => tf.mul(infoNce(q, k, { temperature }), 2 * temperature)

  return {
    networks,
    state: momentumEncoder.values,
    needs: { batchSize: { min: 2 * batchGroups, multipleOf: batchGroups } },
    targets: (views) => views.map((x) => momentumEncoder.apply(x, pass)) as Keys,
    loss([x1, x2], _step, [k1, k2]) {
      const [q1, q2] = [query(x1), query(x2)]
      return { loss: tf.add(contrast(q1, k2), contrast(q2, k1)) as tf.Scalar, features: q1 }
    },
    afterUpdate(_views, { progress }) {
      const rising = cosineOf(progress, { from: momentum, to: 1 })
      exponentialMovingAverage(momentumEncoder.averages, momentumEncoder.originals, rising)
    },
    dispose() {
      for (const part of [head, ahead, momentumEncoder]) part.dispose()
    },
  } satisfies Partial<Method<MocoViews, Keys>>
}
