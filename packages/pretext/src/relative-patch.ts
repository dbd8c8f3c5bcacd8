import { augmentation, normalisationOf } from '@selfsup/augment'
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

/** Patches [2 * pairs, patch, patch, channels], all first patches before all second patches; labels are the directions from first to second. */
export type RelativePatchViews = { readonly patches: tf.Tensor4D; readonly labels: tf.Tensor1D }

/** Random streams for the pairs, and for the dropped colours. */
const streams = { pairs: 0x9a125, colours: 0xc0105 } as const

/**
 * Context prediction (Doersch et al. 2015, arXiv:1505.05192): given two patches of an image, predicts in which of eight
 * directions the second lies from the first. A gap, a random displacement and colour processing prevent shortcuts
 * through continuing edges and chromatic aberration. The backbone encodes each patch separately; the head sees the
 * features of both. Features are the backbone's output for the whole image if it accepts that size, otherwise the mean
 * over patches.
 *
 * @param backbone the encoder of patches: [batch, patch, patch, channels], normalised, to [batch, features]
 * @param given options; defaults are the paper's proportions
 * @param context normalisation of the pixels, seed of the head's weights; `imageShape`, by default 8/3 of the patch's
 *   side
 * @returns the method; its metric is `accuracy` (chance: 1/8)
 * @throws SelfsupError if an option is unknown or out of range, the images are too small for two patches with gap and
 *   displacement, or the backbone takes patches of a different size
 */
export function relativePatch(
  backbone: LayersModel,
  given: RelativePatchOptions = {},
  { seed = 1, imageShape, ...context }: MethodContext = {},
): Pretext<RelativePatchViews> {
  const options = resolveOptions(relativePatchDefinition, given)
  const { size: patch, channels, features } = trunkShape('relative-patch', backbone)
  const size = imageShape?.size ?? Math.ceil((8 * patch) / 3)
  const layout = pairLayout(size, imageShape ? options : { ...options, patch: ifAuto(options.patch, patch) })
  expected(
    layout.patch === patch,
    `relative-patch: the backbone takes images of ${patch} pixels, but patches have ${layout.patch}; create the backbone for ${layout.patch} pixels`,
  )
  const normalisation = normalisationOf(channels, context.normalisation)
  const colours = channels === 3 ? options.colours : 'keep'
  const treated = (x: tf.Tensor4D) => (colours === 'project' ? projectColours(x, normalisation) : x)
  const view = { size, scale: [options.minScale, 1], horizontalFlip: channels === 1 ? 0 : 0.5 } as const
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

/** Definition of context prediction. */
export const relativePatchDefinition: MethodDefinition<typeof options> = {
  name: 'relative-patch',
  summary: 'predicts the position of one patch relative to another',
  paper: 'Doersch et al. 2015, arXiv:1505.05192',
  options,
  training: () => training,
  backboneInput: ({ size, channels }, options) => ({ size: pairLayout(size, options).patch, channels }),
  create: relativePatch,
}
