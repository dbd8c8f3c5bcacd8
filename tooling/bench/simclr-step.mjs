/** @import { Scalar, Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs-core' */
/** @import { LayersModel } from '@tensorflow/tfjs-layers' */
/** @import { Method } from '@selfsup/core' */
/** @import { Engine } from '@selfsup/engine' */
// One step of SimCLR (NT-Xent, SGD) without data loading and views, as in step.py in PyTorch.
import { bare, load } from './packages.mjs'

const { projector } = await load('backbones')
const { ntXent } = await load('losses')
const { trainingStep } = await load('train')
const tf = await bare('@tensorflow/tfjs-core')

/**
 * Training step of a backbone and a projector on the given images, without augmentation.
 * @param {Engine} engine
 * @param {LayersModel} backbone
 * @param {{ hidden: number, outputs: number, seed?: number }} widths
 */
export function bareSimclr(engine, backbone, widths) {
  const inputs = backbone.outputs[0]?.shape.at(-1) ?? 0
  const head = projector({ inputs, batchNorm: false, ...widths })
  /** @type {Method<{ x: Tensor4D }>} */
  const method = {
    name: 'step',
    networks: { backbone, projector: head },
    state: {},
    crops: [],
    views: ({ images }) => ({ x: /** @type {Tensor4D} */ (images) }),
    loss: ({ x }) => {
      const h = /** @type {Tensor} */ (backbone.apply(x, { training: true }))
      const z = /** @type {Tensor} */ (head.apply(h, { training: true }))
      const [z1, z2] = /** @type {[Tensor2D, Tensor2D]} */ (tf.split(z, 2))
      return { loss: ntXent(z1, z2, { temperature: 0.5 }) }
    },
    dispose() {},
  }
  const steps = 1e4 // number of steps of a long run
  return trainingStep(method, { name: 'sgd', momentum: 0.9, weightDecay: 5e-4 }, engine, { steps })
}

/**
 * A projector 512-128 behind the backbone, and a batch of noise on the device.
 * @param {Engine} engine
 * @param {LayersModel} backbone
 * @param {number} images
 * @returns run() computes a step and gives its loss, a tensor [1] that is the caller's
 */
export function simclrStep(engine, backbone, images) {
  const size = backbone.inputs[0]?.shape[1] ?? 0
  const step = bareSimclr(engine, backbone, { hidden: 512, outputs: 128 })
  const batch = {
    images: /** @type {Tensor4D} */ (tf.randomUniform([images, size, size, 3], 0, 1, 'float32', 5)),
    labels: /** @type {Tensor1D} */ (tf.fill([images], -1, 'int32')),
    indices: tf.range(0, images, 1, 'int32'),
  }
  let count = 0
  return {
    run() {
      const inputs = {
        seed: tf.tensor1d([1, count++], 'int32'),
        learningRate: tf.scalar(0.06),
        highestRate: tf.scalar(0.06),
        progress: tf.scalar(0),
        epoch: tf.scalar(0),
      }
      const values = step.run(batch, inputs)
      tf.dispose(inputs)
      return values
    },
    dispose() {
      step.dispose()
      tf.dispose(batch)
    },
  }
}
