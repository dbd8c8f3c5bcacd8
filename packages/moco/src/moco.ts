import { chooseTwoViews, SMALL_SIZE } from '@selfsup/augment'
import { batchNormalisations, momentumCopy, projector } from '@selfsup/backbones'
import {
  expected,
  type Method,
  type MethodContext,
  type MethodDefinition,
  resolveOptions,
} from '@selfsup/core'
import { infoNce, keyQueue, l2Normalise } from '@selfsup/losses'
import { exponentialMovingAverage } from '@selfsup/optim'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { mocoV3 } from './moco-v3.js'
import { type MocoOptions, migrate, options, recipeOf, settingsOf, training } from './options.js'
import type { MocoParts, MocoViews } from './parts.js'
import { inRandomOrder } from './shuffle.js'

/**
 * MoCo, momentum contrast (He et al. 2020, arXiv:1911.05722, algorithm 1; v2: arXiv:2003.04297; v3: arXiv:2104.02057,
 * algorithm 1): a view of an image (the query) has to match the other view of the same image (its key) among the keys of
 * other images. A momentum encoder, an exponential moving average of the trained one, computes the keys. v1 and v2 keep
 * the keys of past batches in a queue.
 *
 * @param backbone the encoder: [batch, size, size, channels], normalised, to [batch, features]
 * @param given options; the defaults are those of the version's paper, except for the length of the queue and, in v1 and
 *   v2 up to 64 pixels, those of the authors' code for CIFAR-10
 * @param context normalisation of the pixels, seed of the heads' weights and of the initial keys
 * @returns the method, ready for the training loop; the batch size must be a multiple of `batchGroups` and at most the
 *   length of the queue
 * @throws SelfsupError when an option is unknown or out of range, or the backbone cannot normalise in groups
 */
export function moco(
  backbone: LayersModel,
  given: MocoOptions = {},
  { normalisation, seed = 1 }: MethodContext = {},
): Method<MocoViews> {
  const options = resolveOptions(definition, given)
  const [, size, , channels] = backbone.inputs[0]!.shape as [null, number, number, number]
  const features = backbone.outputs[0]!.shape.at(-1)!
  const transformer = backbone.layers.some(({ name }) => name === 'class-token')
  const settings = settingsOf(options, { features, transformer, small: size <= SMALL_SIZE })
  const batchGroups = checkedGroups(backbone, settings.batchGroups)
  const recipe = recipeOf(options.version, transformer)
  const augmentation = chooseTwoViews({ size, channels, normalisation }, options, recipe)
  const parts = { backbone, features, settings: { ...settings, batchGroups }, seed }
  const algorithm =
    options.version === 'v3'
      ? mocoV3({ ...parts, transformer, freezePatches: options.freezePatches })
      : mocoQueue({ ...parts, queue: options.queue })
  return {
    name: 'moco',
    options,
    definition,
    normalisation: augmentation.normalisation,
    crops: augmentation.crops,
    views: (batch, { seed }) => augmentation.apply(batch, seed) as MocoViews,
    ...algorithm,
  }
}

/** Versions 1 and 2, with a queue of keys. */
function mocoQueue({ backbone, features, settings, seed, queue: length }: MocoParts & { queue: number }) {
  const { momentum, temperature, batchGroups, hidden, outputs, layers } = settings
  expected(
    length >= 2 * batchGroups,
    `moco: queue must be at least ${2 * batchGroups}, two keys for each of the ${batchGroups} batchGroups; got ${length}`,
  )
  const head = projector({ inputs: features, hidden, outputs, layers, batchNorm: false, seed: seed + 1 })
  const keyEncoder = momentumCopy({ backbone, projector: head })
  const queue = keyQueue(length, outputs, seed)
  return {
    networks: { backbone, projector: head },
    state: { ...keyEncoder.values, queue: queue.keys, queuePosition: queue.position },
    needs: { batchSize: { min: 2 * batchGroups, max: length, multipleOf: batchGroups } },
    targets([, x2], { seed }) {
      const encode = (x: tf.Tensor) => keyEncoder.apply(x, { training: true, batchGroups })
      return l2Normalise(batchGroups > 1 ? inRandomOrder(x2, seed, encode) : encode(x2))
    },
    loss([x1], _step, k) {
      const h = backbone.apply(x1, { training: true, batchGroups }) as tf.Tensor2D
      const q = head.apply(h, { training: true }) as tf.Tensor2D
      const negatives = queue.keys
      return { loss: infoNce(q, k, { temperature, negatives, negativesNormalised: true }), features: q }
    },
    afterUpdate(_views, _step, k) {
      exponentialMovingAverage(keyEncoder.averages, keyEncoder.originals, tf.scalar(momentum))
      queue.enqueue(k)
    },
    dispose() {
      for (const part of [head, keyEncoder, queue]) part.dispose()
    },
  } satisfies Partial<Method<MocoViews, tf.Tensor2D>>
}

/** Number of groups for batch normalisation. Only the layers of @selfsup/backbones can normalise parts of a batch. */
function checkedGroups(backbone: LayersModel, groups: number): number {
  const { splittable, whole } = batchNormalisations(backbone)
  expected(
    groups === 1 || whole.length === 0,
    `moco: the backbone's batch normalisation '${whole[0]}' always uses the whole batch, so a query could find its key by ` +
      'their shared statistics; build the backbone with BatchNormalization of @selfsup/backbones, or set batchGroups to 1 to accept this',
  )
  return splittable.length > 0 ? groups : 1
}

/** The definition of MoCo, for programs that look methods up by name. */
export const definition: MethodDefinition<typeof options> = {
  name: 'moco',
  summary:
    'contrastive, with a momentum encoder: each view has to match the other view of its image among a queue of negatives',
  paper:
    'He et al. 2020, arXiv:1911.05722; Chen et al. 2020, arXiv:2003.04297; Chen et al. 2021, arXiv:2104.02057',
  options,
  migrate,
  training,
  create: moco,
}
