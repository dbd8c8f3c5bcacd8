import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'
import { ConstantStatistics } from './constant-statistics.js'

/** Multiplies each channel by a learned number (LayerScale: Touvron et al. 2021, arXiv:2103.17239, eq. 5). */
export class Scale extends ConstantStatistics {
  /** @param options.initial value of all scales before training */
  constructor({ name, initial }: { name: string; initial: number }) {
    super(name, 'gamma', tfl.initializers.constant({ value: initial }))
  }

  protected override compute(x: tf.Tensor, gamma: tf.Tensor): tf.Tensor {
    return tf.mul(x, gamma)
  }
}
