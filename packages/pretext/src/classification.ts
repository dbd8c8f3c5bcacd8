import { type Method, ShapeError } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'

/** Views of a pretext task: its inputs and the right answers. */
export type TaskViews = {
  /** index of the right answer to each task, int32 [tasks] */
  readonly labels: tf.Tensor1D
  readonly [name: string]: tf.Tensor
}

/** A method that trains on a classification task which it creates from the images. */
export interface Pretext<Views extends TaskViews = TaskViews> extends Method<Views> {
  /** number of possible answers; the accuracy of guessing is 1 / answers */
  readonly answers: number
  /** answers in inference mode: logits [tasks, answers] */
  solve(views: Views): tf.Tensor2D
}

/**
 * Cross-entropy and accuracy of answers.
 * @param logits [tasks, answers]
 * @param labels int32 [tasks], 0 to answers - 1
 * @returns scalars: mean of -log softmax at the right answer, in nats; fraction of tasks whose highest logit is the right answer
 * @throws ShapeError if the number of labels differs from the number of tasks
 */
export function classification(
  logits: tf.Tensor2D,
  labels: tf.Tensor1D,
): { loss: tf.Scalar; accuracy: tf.Scalar } {
  const [tasks, answers] = logits.shape
  if (labels.size !== tasks)
    throw new ShapeError(`classification: expected one label for each of ${tasks} tasks; got ${labels.size}`)
  return tf.tidy(() => {
    const right = tf.cast(tf.oneHot(labels, answers), 'float32')
    return {
      loss: tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits), right), 1))) as tf.Scalar,
      accuracy: tf.mean(rightAnswers(logits, labels)) as tf.Scalar,
    }
  })
}

/** 1 for each task whose highest logit is the right answer, otherwise 0: float32 [tasks]. */
export function rightAnswers(logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Tensor1D {
  return tf.tidy(
    () => tf.cast(tf.equal(tf.argMax(logits, 1), tf.cast(labels, 'int32')), 'float32') as tf.Tensor1D,
  )
}
