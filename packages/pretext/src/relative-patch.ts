import { augmentation, grayNormalisation, imagenetNormalisation } from '@selfsup/augment'
import { projector } from '@selfsup/backbones'
import { expected, ifAuto, type MethodContext, type MethodDefinition, resolveOptions } from '@selfsup/core'
import { foldIn } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { classification, type Pretext } from './classification.js'
import { dropColours, projectColours } from './colours.js'
import { cutPairs, neighbours, pairLayout } from './patch-pairs.js'
import { options, type RelativePatchOptions, training } from './relative-patch-options.js'
import { atRest, inTraining, ofWholeImages, trunkShape } from './trunk.js'

/** Patches [2 * pairs, patch, patch, channels], all first ones, then all second ones, and where each second one lies. */
export type RelativePatchViews = { readonly patches: tf.Tensor4D; readonly labels: tf.Tensor1D }

/** Stream of the step's seed for the pairs, and for the colours that patches lose. */
const streams = { pairs: 0x9a125, colours: 0xc0105 } as const

/**
 * Context prediction (Doersch et al. 2015, arXiv:1505.05192): of two patches of a image, in which of eight directions
 * does the second lie from the first? A gap, a jitter and treated colours keep it from being told by edges that go on
 * and by the lens. The trunk sees each patch alone; the head sees the features of two. Features are the trunk's, of whole
 * images where it takes them, else the mean of those of patches.
 *
 * @param backbone the trunk: [batch, patch, patch, channels], normalised, to [batch, features]
 * @param given options; defaults are the paper's proportions
 * @param context normalisation of the pixels, seed of the head's weights; `pictures`, by default of eight thirds of the
 *   patch's side
 * @returns what the training loop drives; reports `accuracy`, of which guessing has an eighth
 * @throws SelfsupError when an option is unknown or out of range, the images are too small for two patches with gap and
 *   jitter, or the backbone takes other patches
 */
export function relativePatch(
  backbone: LayersModel,
  given: RelativePatchOptions = {},
  { seed = 1, imageShape: pictures, ...context }: MethodContext = {},
): Pretext<RelativePatchViews> {
  const options = resolveOptions(relativePatchDefinition, given)
  const { size: patch, channels, features } = trunkShape('relative-patch', backbone)
  const size = pictures?.size ?? Math.ceil((8 * patch) / 3)
  const layout = pairLayout(size, pictures ? options : { ...options, patch: ifAuto(options.patch, patch) })
  expected(
    layout.patch === patch,
    `relative-patch: the backbone takes pictures of ${patch} pixels, and patches have ${layout.patch}; make the backbone for that size`,
  )
  const { normalisation = channels === 1 ? grayNormalisation : imagenetNormalisation } = context
  const colours = channels === 3 ? options.colours : 'keep'
  const treated = (x: tf.Tensor4D) => (colours === 'project' ? projectColours(x, normalisation) : x)
  const view = { size, scale: [options.minScale, 1], horizontalFlip: channels === 3 ? 0.5 : 0 } as const
  const { crops, apply } = augmentation([view], normalisation)
  const encode = ofWholeImages(backbone, size)
  const head = projector({
    inputs: 2 * features,
    hidden: options.hidden,
    outputs: neighbours.length,
    seed: seed + 1,
  })
  const sideBySide = (h: tf.Tensor2D) => tf.concat(tf.split(h, 2), 1)
  return {
    name: 'relative-patch',
    options,
    definition: relativePatchDefinition,
    answers: neighbours.length,
    networks: { backbone, head },
    state: {},
    normalisation,
    imageShape: { size, channels },
    crops,
    views: (batch, { seed }) =>
      tf.tidy(() => {
        const images = treated(apply(batch, seed)[0]!)
        const { first, second, labels } = cutPairs(images, layout, options.pairs, foldIn(seed, streams.pairs))
        const patches = tf.concat([first, second])
        if (colours !== 'drop') return { patches, labels }
        return { patches: dropColours(patches, options.dropped, foldIn(seed, streams.colours)), labels }
      }),
    loss({ patches, labels }) {
      const h = inTraining(backbone, patches)
      const { loss, accuracy } = classification(inTraining(head, sideBySide(h)), labels)
      return { loss, metrics: { accuracy }, features: h }
    },
    solve: ({ patches }) => tf.tidy(() => atRest(head, sideBySide(atRest(backbone, patches)))),
    encode: (images) => tf.tidy(() => encode(treated(images))),
    dispose: () => head.dispose(),
  }
}

/** How a program finds context prediction by name. */
export const relativePatchDefinition: MethodDefinition<typeof options> = {
  name: 'relative-patch',
  summary: 'in which of eight directions one patch lies from another',
  paper: 'Doersch et al. 2015, arXiv:1505.05192',
  options,
  training: () => training,
  backboneInput: ({ size, channels }, options) => ({ size: pairLayout(size, options).patch, channels }),
  create: relativePatch,
}
