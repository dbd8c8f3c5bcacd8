// A method of your own: alignment and uniformity on the sphere (Wang & Isola 2020, arXiv:2005.10242, section 4.3).
// A method is one object: its networks, how views are made of a batch, and the loss. The training loop does the rest.
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { simclrViews } from '@selfsup/augment'
import { convnet, projector } from '@selfsup/backbones'
import type { Method } from '@selfsup/core'
import { shapes } from '@selfsup/data'
import { prepareEngine } from '@selfsup/engine'
import { matMulFloat32 } from '@selfsup/kernels'
import { train } from '@selfsup/train'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'

const quick = process.env.SELFSUP_QUICK === '1'
const [size, count, epochs] = quick ? [16, 256, 2] : [32, 4096, 20]

/** Views of one image should lie together (alignment), all images spread over the sphere (uniformity). */
function alignUniform(backbone: LayersModel): Method<[tf.Tensor4D, tf.Tensor4D]> {
  const augmentation = simclrViews({ size })
  const inputs = backbone.outputs[0]!.shape.at(-1)!
  const head = projector({ inputs, hidden: inputs, outputs: 64 })
  const unit = (x: tf.Tensor) => tf.div(x, tf.add(tf.norm(x, 2, 1, true), 1e-12)) as tf.Tensor2D
  const embed = (x: tf.Tensor) =>
    unit(head.apply(backbone.apply(x, { training: true }), { training: true }) as tf.Tensor)
  /** log of the mean of exp(-2 d²) over all pairs of different images; d² = 2 - 2 cos on the sphere */
  const uniformity = (z: tf.Tensor2D) => {
    const n = z.shape[0]
    const kernel = tf.exp(tf.mul(tf.sub(matMulFloat32(z, z, false, true), 1), 4))
    return tf.log(tf.div(tf.sub(tf.sum(kernel), n), n * (n - 1)))
  }
  return {
    name: 'align-uniform',
    networks: { backbone, projector: head },
    state: {},
    crops: augmentation.crops,
    views: (batch, { seed }) => augmentation.apply(batch, seed) as [tf.Tensor4D, tf.Tensor4D],
    loss([x1, x2]) {
      const [z1, z2] = tf.split(embed(tf.concat([x1, x2])), 2) as [tf.Tensor2D, tf.Tensor2D]
      const alignment: tf.Scalar = tf.mean(tf.sum(tf.squaredDifference(z1, z2), 1))
      const spread = tf.div(tf.add(uniformity(z1), uniformity(z2)), 2) as tf.Scalar
      return { loss: tf.add(alignment, spread), metrics: { alignment, uniformity: spread }, features: z1 }
    },
    dispose: () => head.dispose(),
  }
}

const engine = await prepareEngine() // before any network is made
const method = alignUniform(convnet({ size, widths: quick ? [8, 16] : [32, 64, 128, 256] }))
await train(method, shapes({ size, count }), {
  out: await mkdtemp(join(tmpdir(), 'selfsup-example-')),
  engine,
  epochs,
  batchSize: quick ? 64 : 256,
  learningRate: 1e-3,
  optimizer: { name: 'adamw', weightDecay: 1e-4 },
  onEpoch: ({ epoch, loss }) => console.log(`epoch ${epoch + 1}: loss ${loss.toFixed(3)}`),
})
