import { normalisationOf } from '@selfsup/augment'
import { expected, ifAuto, type MethodContext, type MethodDefinition, resolveOptions } from '@selfsup/core'
import { iicOfHeads } from '@selfsup/losses'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { assignClusters, bestSubHead, subHeadLosses } from './assign-clusters.js'
import { clustersInUse, headOf } from './cluster-head.js'
import { type IicInput, inputChannels, inputFor, inputOf } from './iic-input.js'
import { iicNetworks } from './iic-networks.js'
import { type IicOptions, options, training } from './iic-options.js'
import type { Iic, IicHead } from './iic-types.js'
import { colourViews, grayViews, middleOf } from './iic-views.js'

/**
 * IIC, invariant information clustering (Ji et al. 2019, arXiv:1807.06653): the network assigns images to clusters and
 * maximises the mutual information between the assignments of an image and of a transformed copy. It is largest when both
 * always agree and all clusters have the same size, so no cluster can absorb the others.
 *
 * @param backbone the trunk: [batch, size, size, channels] to [batch, features]
 * @param given options; the defaults are those of the authors' code for MNIST
 * @param context normalisation of the pixels, seed of the heads' weights, and the images' shape, which decides about the
 *   input if the number of channels of the backbone is ambiguous
 * @returns the method, ready for the training loop, with functions that assign clusters
 * @throws SelfsupError when an option is unknown or out of range, or the backbone's input does not match the options
 */
export function iic(
  backbone: LayersModel,
  given: IicOptions = {},
  { normalisation: own, seed = 1, imageShape }: MethodContext = {},
): Iic {
  const options = resolveOptions(definition, given)
  const { clusters, overClusters, subHeads, repeats, lambda } = options
  expected(
    overClusters === 0 || overClusters >= clusters,
    `iic's option overClusters must be 0 or at least clusters (${clusters}); got ${overClusters}`,
  )
  const [, size, , inputChannelCount] = backbone.inputs[0]!.shape as [null, number, number, number]
  const { channels, input } = inputFor(inputChannelCount, options.input, imageShape?.channels)
  const gray = options.views === 'gray' || (options.views === 'auto' && channels === 1)
  const crop = ifAuto(options.crop, gray ? 20 / 28 : 2 / 3)
  const normalisation = normalisationOf(channels, own)
  const augmentation = (gray ? grayViews : colourViews)({
    size,
    copies: repeats,
    crop,
    rotation: options.rotation,
    erase: options.erase,
    jitter: options.brightness,
    normalisation,
  })

  const networks = iicNetworks(backbone.outputs[0]!.shape.at(-1)!, options, seed)
  const { heads, projector, seenByHeads, assign } = networks
  const shared = { backbone, ...(projector && { projector }) }
  const alternating = overClusters > 0 && options.heads === 'alternate'

  const method: Iic = {
    name: 'iic',
    options,
    definition,
    normalisation,
    imageSize: Math.round(size / crop),
    imageShape: { size, channels },
    networks: { ...shared, ...heads },
    state: {},
    needs: { classes: { max: clusters }, batchSize: { min: 2 } },
    ...(alternating && {
      phases: {
        clusters: [...Object.keys(shared), 'clusters'],
        overClusters: [...Object.keys(shared), 'overClusters'],
      },
      phasesAt: ({ epoch }) => [headOf(epoch, options)],
      // The loss depends on the number of clusters, which differs between the heads.
      comparableLoss: false,
    }),
    crops: augmentation.crops,
    views: (batch, { seed }) => augmentation.apply(batch, seed),
    loss([plain, transformed], { phase }) {
      const trained = phase === 'main' ? (Object.keys(heads) as IicHead[]) : [phase as IicHead]
      const [features, featuresOfCopies] = [featuresOf(plain, true), featuresOf(transformed, true)]
      const seen = seenByHeads(features, true)
      const seenOfCopies = seenByHeads(featuresOfCopies, true)
      const ofHeads = trained.map((head) => {
        const [p, q] = [assign(head, seen), assign(head, seenOfCopies)]
        return { head, loss: tf.mean(losses(p, q)), inUse: clustersInUse(p) }
      })
      const prefix = (head: IicHead) => (phase === 'main' ? `${head}/` : '')
      return {
        loss: tf.addN(ofHeads.map(({ loss }) => loss)) as tf.Scalar,
        features,
        metrics: Object.fromEntries(
          ofHeads.flatMap(({ head, loss, inUse }) => [
            [`${prefix(head)}information`, tf.neg(loss) as tf.Scalar],
            [`${prefix(head)}inUse`, inUse],
          ]),
        ),
      }
    },
    encode: (images) => featuresOf(middleOf(images, crop, size), false),
    probabilities: (images, head) => tf.tidy(() => atRest(head, middleOf(images, crop, size))),
    subHeadLosses: ([plain, transformed], head) =>
      tf.tidy(() => losses(atRest(head, plain), atRest(head, transformed))),
    async clusters({ train, test }, options) {
      const subHead = bestSubHead(await subHeadLosses(method, train, options))
      const { assigned, indices } = await assignClusters(method, test, { ...options, subHead })
      return { name: 'its own head', clusters: assigned, indices }
    },
    dispose: networks.dispose,
  }
  return method

  function featuresOf(images: tf.Tensor4D, training: boolean): tf.Tensor2D {
    return backbone.apply(inputOf(images, input, normalisation), { training }) as tf.Tensor2D
  }

  /** `assign` of images, with batch normalisation in inference mode. */
  function atRest(head: IicHead, images: tf.Tensor4D): tf.Tensor3D {
    return assign(head, seenByHeads(featuresOf(images, false), false))
  }

  /**
   * Loss of each sub-head from the probabilities of images and of their copies (equation 3). The joint distribution is
   * linear in both, so the mean over an image's copies gives the same result as all pairs.
   */
  function losses(p: tf.Tensor3D, copies: tf.Tensor3D): tf.Tensor1D {
    const [batch, , width] = p.shape
    const q = tf.mean(tf.reshape(copies, [-1, batch, subHeads, width]), 0) as tf.Tensor3D
    return iicOfHeads(p, q, { lambda })
  }
}

/** The definition of IIC, for programs that look methods up by name. */
export const definition: MethodDefinition<typeof options> = {
  name: 'iic',
  summary: 'clustering: assigns an image and its transformed copies to the same cluster',
  paper: 'Ji et al. 2019, arXiv:1807.06653',
  options,
  backbone: 'convnet',
  training: () => training,
  backboneInput({ size, channels }, { input }) {
    const kind = input === 'auto' ? (channels === 1 ? 'pixels' : 'sobel') : (input as IicInput)
    return { size, channels: inputChannels(kind, channels) }
  },
  create: iic,
}
