/** @import { Scalar, Tensor } from '@tensorflow/tfjs-core' */
import { median } from './packages.mjs'

/**
 * 10,000 additions of scalars, each of the previous result.
 * @param {typeof import('@tensorflow/tfjs-core')} tf
 */
export function additions(tf) {
  const x = tf.scalar(1)
  return {
    /** @param {Scalar} start */
    run: (start) => {
      /** @type {Tensor} */
      let sum = start
      for (let i = 0; i < 10_000; i++) sum = tf.add(sum, start)
      return sum
    },
    /**
     * Median of nine runs, after three warm-up runs.
     * @param {(start: Scalar) => Tensor} step
     */
    milliseconds(step) {
      const times = []
      for (let i = 0; i < 12; i++) {
        const started = performance.now()
        const result = tf.tidy(() => step(x).dataSync()[0])
        times.push(performance.now() - started)
        if (result !== 10_001) throw new Error(`10,000 additions returned ${result}`)
      }
      return median(times.slice(3))
    },
  }
}
