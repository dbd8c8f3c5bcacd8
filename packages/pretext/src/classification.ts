import { type Method, ShapeError } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'

/** Views of a method that learns from tasks: whatever the tasks are shown as, beside their answers. */
export type TaskViews = {
  /** number of the right answer to each task, int32 [tasks] */
  readonly labels: tf.Tensor1D
  readonly [name: string]: tf.Tensor
}

/** A method that learns from a task made of the images themselves, whose answer is one of so many. */
export interface Pretext<Views extends TaskViews = TaskViews> extends Method<Views> {
  /** answers among which each task's is to be found; guessing finds one in so many */
  readonly answers: number
  /** what the networks answer once training is over: logits [tasks, answers]; batch normalisation at rest */
  solve(views: Views): tf.Tensor2D
}

/**
 * Cross-entropy of answers, and how many are right.
 * @param logits [tasks, answers]
 * @param labels int32 [tasks], 0 to answers - 1
 * @returns scalars: mean of -log softmax at the right answer, in nats; part of the tasks whose highest logit is the right one's
 * @throws ShapeError when there is not one label for each task
 */
export function classification(
  logits: tf.Tensor2D,
  labels: tf.Tensor1D,
): { loss: tf.Scalar; accuracy: tf.Scalar } {
  const [tasks, answers] = logits.shape
  if (labels.size !== tasks)
    throw new ShapeError(
      `classification: there must be a label for each of ${tasks} tasks; got ${labels.size}`,
    )
  return tf.tidy(() => {
    const right = tf.cast(tf.oneHot(labels, answers), 'float32')
    return {
      loss: tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits), right), 1))) as tf.Scalar,
      accuracy: tf.mean(rightAnswers(logits, labels)) as tf.Scalar,
    }
  })
}

/** 1 for each task whose highest logit is the right answer's, else 0: float32 [tasks]. */
export function rightAnswers(logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Tensor1D {
  return tf.tidy(
    () => tf.cast(tf.equal(tf.argMax(logits, 1), tf.cast(labels, 'int32')), 'float32') as tf.Tensor1D,
  )
}
