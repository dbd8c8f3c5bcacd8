import * as tf from '@tensorflow/tfjs-core'
import * as tfl from '@tensorflow/tfjs-layers'

/**
 * Gated recurrent unit (Cho et al. 2014, arXiv:1406.1078, eq. 5 to 8): maps [batch, time, channels] to the states of all
 * steps, [batch, time, units]. The input is multiplied for all steps at once, and the recurrence is unrolled so that it can
 * be part of a compiled step. The layer is serialised as the standard `GRU` with the standard weights.
 */
export class Gru extends tfl.layers.Layer {
  static readonly className = 'GRU'
  readonly #units: number
  #kernel!: tfl.LayerVariable
  #recurrent!: tfl.LayerVariable
  #bias!: tfl.LayerVariable

  constructor({ name, units }: { name: string; units: number }) {
    super({ name })
    this.#units = units
  }

  override build(inputShape: tfl.Shape | tfl.Shape[]): void {
    const channels = (inputShape as tfl.Shape).at(-1)!
    const zeros = tfl.initializers.zeros()
    this.#kernel = this.addWeight('kernel', [channels, 3 * this.#units], 'float32', zeros)
    this.#recurrent = this.addWeight('recurrent_kernel', [this.#units, 3 * this.#units], 'float32', zeros)
    this.#bias = this.addWeight('bias', [3 * this.#units], 'float32', zeros)
    this.built = true
  }

  override computeOutputShape(inputShape: tfl.Shape | tfl.Shape[]): tfl.Shape {
    const [batch, time] = inputShape as tfl.Shape
    return [batch!, time!, this.#units]
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const x = (Array.isArray(inputs) ? inputs[0]! : inputs) as tf.Tensor3D
    const [batch, time, channels] = x.shape
    const units = this.#units
    return tf.tidy(() => {
      const rows = tf.reshape(tf.transpose(x, [1, 0, 2]), [time * batch, channels])
      const entering = tf.add(tf.matMul(rows, this.#kernel.read() as tf.Tensor2D), this.#bias.read())
      const stepwise = (part: tf.Tensor) => tf.unstack(tf.reshape(part, [time, batch, -1]))
      const [toGates, toCandidate] = tf.split(entering, [2 * units, units], 1).map(stepwise) as [
        tf.Tensor2D[],
        tf.Tensor2D[],
      ]
      const recurrent = this.#recurrent.read() as tf.Tensor2D
      const [ofGates, ofCandidate] = tf.split(recurrent, [2 * units, units], 1) as [tf.Tensor2D, tf.Tensor2D]
      let state = tf.zeros<tf.Rank.R2>([batch, units])
      const states = toGates.map((gates, step) => {
        const [keep, reset] = tf.split(tf.sigmoid(tf.add(gates, tf.matMul(state, ofGates))), 2, 1)
        const recalled = tf.matMul(tf.mul(reset!, state) as tf.Tensor2D, ofCandidate)
        const candidate = tf.tanh(tf.add(toCandidate[step]!, recalled))
        state = tf.add(candidate, tf.mul(keep!, tf.sub(state, candidate)))
        return state
      })
      return tf.stack(states, 1)
    })
  }

  override getConfig(): tf.serialization.ConfigDict {
    const zeros = { className: 'Zeros', config: {} }
    return {
      ...super.getConfig(),
      units: this.#units,
      activation: 'tanh',
      recurrentActivation: 'sigmoid',
      useBias: true,
      kernelInitializer: zeros,
      recurrentInitializer: zeros,
      biasInitializer: zeros,
      returnSequences: true,
      resetAfter: false,
    }
  }
}
