import { ShapeError } from '@selfsup/core'
import { batchNorm, workerCount } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'

/** PyTorch's defaults. Momentum in TensorFlow's convention: the fraction of the running value that is kept. */
const EPSILON = 1e-5
const MOMENTUM = 0.9

/**
 * Batch normalisation (Ioffe & Szegedy 2015, arXiv:1502.03167) as a layer that trains fast: it computes the batch's
 * statistics, the normalisation and the running averages in one fused pass. A model's JSON contains it as the
 * standard `BatchNormalization` layer with the standard weights, so that a saved model loads in plain TensorFlow.js and
 * computes the same features.
 *
 * In training, `model.apply(x, { training: true, batchGroups: 8 })` normalises each eighth of the batch with its own
 * statistics, as eight devices would (MoCo: He et al. 2020, arXiv:1911.05722, section 3.3). The running statistics follow
 * the mean of the groups' statistics. With several workers the groups are those of all of them together.
 */
export class BatchNormalization extends tfl.layers.Layer {
  static readonly className = 'BatchNormalization'
  readonly #zeroInit: boolean
  readonly #rectify: boolean
  readonly #epsilon: number
  #gamma!: tfl.LayerVariable
  #beta!: tfl.LayerVariable
  #mean!: tfl.LayerVariable
  #variance!: tfl.LayerVariable

  /**
   * @param options.zeroInit initialise the scale with 0, so that a residual branch starts at zero
   * @param options.rectify also apply the ReLU that follows, in the same passes over memory
   * @param options.epsilon added to the variance; default PyTorch's 1e-5
   */
  constructor({
    name,
    zeroInit = false,
    rectify = false,
    epsilon = EPSILON,
  }: { name: string; zeroInit?: boolean; rectify?: boolean; epsilon?: number }) {
    super({ name })
    this.#zeroInit = zeroInit
    this.#rectify = rectify
    this.#epsilon = epsilon
    this.supportsMasking = true
  }

  override build(inputShape: tfl.Shape | tfl.Shape[]): void {
    const channels = (inputShape as tfl.Shape).at(-1)!
    const zeros = tfl.initializers.zeros()
    const ones = tfl.initializers.ones()
    this.#gamma = this.addWeight('gamma', [channels], 'float32', this.#zeroInit ? zeros : ones)
    this.#beta = this.addWeight('beta', [channels], 'float32', zeros)
    this.#mean = this.addWeight('moving_mean', [channels], 'float32', zeros, undefined, false)
    this.#variance = this.addWeight('moving_variance', [channels], 'float32', ones, undefined, false)
    this.built = true
  }

  override call(
    inputs: tf.Tensor | tf.Tensor[],
    { training = false, batchGroups = 1 }: { training?: boolean; batchGroups?: number } = {},
  ): tf.Tensor {
    const x = Array.isArray(inputs) ? inputs[0]! : inputs
    const gamma = this.#gamma.read() as tf.Tensor1D
    const beta = this.#beta.read() as tf.Tensor1D
    if (!training) {
      return tf.tidy(() => {
        const scale = tf.mul(gamma, tf.rsqrt(tf.add(this.#variance.read(), this.#epsilon)))
        const y = tf.add(tf.mul(x, scale), tf.sub(beta, tf.mul(this.#mean.read(), scale)))
        return this.#rectify ? tf.relu(y) : y
      })
    }
    return tf.tidy(() => {
      const groups = inGroups(x, batchGroups).map((group) =>
        batchNorm(group, gamma, beta, {
          epsilon: this.#epsilon,
          rectify: this.#rectify,
          ...(batchGroups > 1 && { sync: false }),
        }),
      )
      move(this.#mean.read() as tf.Variable, meanOf(groups.map(({ mean }) => mean)))
      move(this.#variance.read() as tf.Variable, meanOf(groups.map(({ variance }) => variance)))
      return joined(groups.map(({ y }) => y))
    })
  }

  override getConfig(): tf.serialization.ConfigDict {
    const zeros = { className: 'Zeros', config: {} }
    const ones = { className: 'Ones', config: {} }
    return {
      ...super.getConfig(),
      axis: -1,
      momentum: MOMENTUM,
      epsilon: this.#epsilon,
      center: true,
      scale: true,
      betaInitializer: zeros,
      gammaInitializer: this.#zeroInit ? zeros : ones,
      movingMeanInitializer: zeros,
      movingVarianceInitializer: ones,
    }
  }
}

function move(average: tf.Variable, value: tf.Tensor): void {
  average.assign(tf.add(tf.mul(average, MOMENTUM), tf.mul(value, 1 - MOMENTUM)))
}

/**
 * This worker's groups. With one worker these are all groups.
 * @throws ShapeError if the batch cannot be split into this many groups of equal size
 */
function inGroups(x: tf.Tensor, all: number): tf.Tensor[] {
  if (all === 1) return [x]
  const batch = x.shape[0]!
  const workers = workerCount()
  if (all % workers !== 0) {
    throw new ShapeError(
      `BatchNormalization: batchGroups must be a multiple of the ${workers} workers, or 1; got ${all}`,
    )
  }
  const groups = all / workers
  if (groups === 1) return [x]
  if (!Number.isInteger(groups) || groups < 1 || batch % groups !== 0) {
    throw new ShapeError(
      `BatchNormalization: batchGroups must divide the batch into groups of equal size; got ${groups} for a batch of ${batch}`,
    )
  }
  return tf.split(x, groups)
}

function joined(groups: tf.Tensor[]): tf.Tensor {
  return groups.length === 1 ? groups[0]! : tf.concat(groups)
}

function meanOf(values: tf.Tensor[]): tf.Tensor {
  return values.length === 1 ? values[0]! : tf.mean(tf.stack(values), 0)
}
