import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'
import { ConstantStatistics } from './constant-statistics.js'

/** Adds a learned number to each input value: class token and position embeddings. The input is flat: [batch, values]. */
export class Shift extends ConstantStatistics {
  constructor({ name }: { name: string }) {
    super(name, 'beta', tfl.initializers.zeros())
  }

  protected override compute(x: tf.Tensor, beta: tf.Tensor): tf.Tensor {
    return tf.add(x, beta)
  }
}
