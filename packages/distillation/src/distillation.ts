import { projector } from '@selfsup/backbones'
import {
  expected,
  ifAuto,
  type LossResult,
  type Method,
  type MethodContext,
  type MethodDefinition,
  resolveOptions,
} from '@selfsup/core'
import { keyQueue, l2Normalise } from '@selfsup/losses'
import * as tf from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { featuresAndMap } from './features-and-map.js'
import { localDistillation } from './local-distillation.js'
import { type DistillationOptions, options, training } from './options.js'
import { similarityDistillation } from './similarity-distillation.js'
import { teacherInput } from './teacher-input.js'
import { chooseView } from './views.js'

/** A view of each image, and the images' positions in the dataset. */
export type DistillationViews = { images: tf.Tensor4D; indices: tf.Tensor1D }

/** What the teacher computes of the views; features of length 1. */
type Targets = { features: tf.Tensor2D; keys: tf.Tensor2D; map?: tf.Tensor4D }

/**
 * Distillation without labels: a network of any kind and size, the student, learns to see images as a frozen teacher does. Its
 * features, projected linearly to the teacher's, must be as similar to a queue of the teacher's features of other images as the
 * teacher's are (SEED: Fang et al. 2021, arXiv:2101.04731, algorithm 1), and at each position of the image both must point in
 * the same direction. Student and teacher see the same view.
 *
 * @param backbone the student: [batch, size, size, channels], normalised, to [batch, features]
 * @param given options
 * @param context the teacher (required), normalisation of the student's pixels, seed of the projections and of the queue
 * @returns the method, ready for the training loop; it does not dispose of the teacher
 * @throws SelfsupError if there is no teacher, an option is unknown or out of range, or the teacher's channels do not fit
 */
export function distillation(
  backbone: LayersModel,
  given: DistillationOptions = {},
  { normalisation, seed = 1, teacher }: MethodContext = {},
): Method<DistillationViews, Targets> {
  const options = resolveOptions(definition, given)
  const { temperature, queue: length, red, green, blue } = options
  expected(teacher, 'distillation needs a teacher: a trained network to learn from', {
    fix: 'pass one in the context (teacher)',
  })
  const [, size, , channels] = backbone.inputs[0]!.shape as [null, number, number, number]
  const augmentation = chooseView({ size, channels, normalisation }, options)
  const bands = [red, green, blue]
  const toTeacher = teacherInput(teacher, {
    size,
    channels,
    normalisation: augmentation.normalisation,
    bands,
  })
  const student = featuresAndMap(backbone)
  const frozen = featuresAndMap(teacher.model)
  // Stored features have no maps.
  const stored = options.views === 'fixed' ? teacher.features : undefined
  const hasMaps = student.channels !== undefined && frozen.channels !== undefined && !stored
  const local = ifAuto(options.local, hasMaps ? 1 : 0)
  expected(
    local === 0 || hasMaps,
    `distillation: local must be 0, because ${stored ? 'stored features of the teacher have no map of the image' : 'one of the networks has no map of the image'}; got ${local}`,
  )

  // The projections are trained with the student and discarded afterwards.
  const outputs = frozen.features
  const linear = { hidden: outputs, layers: 1, batchNorm: false }
  const head = projector({ ...linear, inputs: student.features, outputs, seed: seed + 1 })
  const localHead =
    local > 0
      ? projector({ ...linear, inputs: student.channels!, outputs: frozen.channels!, seed: seed + 2 })
      : undefined
  const queue = keyQueue(length, outputs, seed)
  return {
    name: 'distillation',
    options,
    definition,
    teacher: { source: teacher.source, fingerprint: teacher.fingerprint },
    networks: { backbone, projector: head, ...(localHead && { localProjector: localHead }) },
    state: { queue: queue.keys, queuePosition: queue.position },
    needs: { batchSize: { max: length } },
    normalisation: augmentation.normalisation,
    crops: augmentation.crops,
    views: (batch, { seed }) => ({
      images: augmentation.apply(batch, seed)[0]!,
      indices: batch.indices,
    }),
    targets({ images, indices }) {
      const known = stored && { features: tf.gather(stored, indices) as tf.Tensor2D, map: undefined }
      const { features, map } = known ?? frozen.apply(toTeacher(images), { training: false })
      const unit = l2Normalise(features)
      // The image's own feature is among the keys, so that the teacher's answer has a peak.
      const keys = tf.concat([unit, queue.keys])
      return { features: unit, keys, ...(local > 0 && { map: map! }) }
    },
    loss({ images }, _step, { features: wanted, keys, map: wantedMap }): LossResult {
      const { features, map } = student.apply(images, { training: true })
      const z = head.apply(features, { training: true }) as tf.Tensor2D
      const global = similarityDistillation(z, wanted, keys, { temperature })
      const cosine = tf.mean(tf.sum(tf.mul(l2Normalise(z), wanted), 1)) as tf.Scalar
      if (!localHead) return { loss: global, metrics: { cosine }, features }
      const position = localDistillation(atEachPosition(localHead, map!), wantedMap!)
      return {
        loss: tf.add(global, tf.mul(position, local)),
        metrics: { global, local: position, cosine },
        features,
      }
    },
    afterUpdate(_views, _step, { features }) {
      queue.enqueue(features)
    },
    dispose() {
      for (const part of [head, localHead, queue]) part?.dispose()
    },
  }
}

/** Applies a head to the features at each position of a map. */
function atEachPosition(head: LayersModel, map: tf.Tensor4D): tf.Tensor4D {
  const [batch, height, width, channels] = map.shape
  const rows = head.apply(tf.reshape(map, [-1, channels]), { training: true }) as tf.Tensor2D
  return tf.reshape(rows, [batch, height, width, rows.shape[1]])
}

/** The definition of distillation, for programs that look methods up by name. */
export const definition: MethodDefinition<typeof options> = {
  name: 'distillation',
  summary: 'a network of any size learns to see images as a trained one does, without labels',
  paper: 'Hinton et al. 2015, arXiv:1503.02531; Fang et al. 2021, arXiv:2101.04731',
  needsTeacher: true,
  options,
  training: () => training,
  create: distillation,
}
