import * as tf from '@tensorflow/tfjs-core'
import type { Features } from './features.js'

export interface Scale {
  readonly mean: Float64Array
  readonly inverse: Float64Array
}

/** Mean and inverse standard deviation of each feature over the training rows. */
export function standardisation({ values, width }: Features, rows: Uint32Array): Scale {
  const mean = new Float64Array(width)
  const squares = new Float64Array(width)
  for (const row of rows) for (let f = 0; f < width; f++) mean[f]! += values[row * width + f]! / rows.length
  for (const row of rows)
    for (let f = 0; f < width; f++) squares[f]! += (values[row * width + f]! - mean[f]!) ** 2
  // A constant feature carries no information; dividing by its standard deviation would only amplify noise.
  const inverse = squares.map((sum) => (sum > 0 ? 1 / Math.sqrt(sum / rows.length) : 0))
  return { mean, inverse }
}

/** Standardised rows of features, in blocks. */
export class RowBlocks {
  readonly #from: Features
  readonly #rows: Uint32Array
  readonly #scale: Scale
  readonly #blockRows: number

  constructor(from: Features, rows: Uint32Array, { scale, blockRows }: { scale: Scale; blockRows: number }) {
    this.#from = from
    this.#rows = rows
    this.#scale = scale
    this.#blockRows = blockRows
  }

  get width(): number {
    return this.#from.width
  }

  get count(): number {
    return this.#rows.length
  }

  get blocks(): number {
    return Math.ceil(this.#rows.length / this.#blockRows)
  }

  #of(block: number): Uint32Array {
    return this.#rows.subarray(block * this.#blockRows, (block + 1) * this.#blockRows)
  }

  /** [rows, width] on the device */
  features(block: number): tf.Tensor2D {
    const { values, width } = this.#from
    const { mean, inverse } = this.#scale
    const rows = this.#of(block)
    const packed = new Float32Array(rows.length * width)
    for (const [position, row] of rows.entries()) {
      for (let f = 0; f < width; f++)
        packed[position * width + f] = (values[row * width + f]! - mean[f]!) * inverse[f]!
    }
    return tf.tensor2d(packed, [rows.length, width])
  }

  labels(block: number): Int32Array {
    return Int32Array.from(this.#of(block), (row) => this.#from.labels[row]!)
  }

  /** As many of the first blocks as fit into this many bytes. */
  firstOnDevice(bytes: number): tf.Tensor2D[] {
    const fitting = Math.floor(bytes / (4 * this.#blockRows * this.width))
    const all = 4 * this.count * this.width <= bytes
    return Array.from({ length: all ? this.blocks : Math.min(fitting, this.blocks) }, (_, block) =>
      this.features(block),
    )
  }
}
