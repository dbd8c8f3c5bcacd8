import { minimise } from './lbfgs.js'

export interface SmallLogisticOptions {
  /** features per example */
  readonly width: number
  readonly classes: number
  /** strength of the penalty l2 / 2 * |W|^2, added to the mean cross-entropy: scikit-learn's 1 / (C * examples) */
  readonly l2: number
}

/**
 * Multinomial logistic regression of a few examples, on the host: for many small problems, where transfers to a device would
 * take longer than the computation. Use `linearProbe` for many examples.
 * @param values [examples, width]
 * @param labels class of each example, 0..classes - 1
 * @returns weights [classes, width], and the bias of each class, which is not penalised
 */
export async function fitLogistic(
  values: Float64Array,
  labels: Int32Array,
  { width, classes, l2 }: SmallLogisticOptions,
): Promise<{ weights: Float64Array; bias: Float64Array }> {
  const count = labels.length
  const biasAt = classes * width
  const scores = new Float64Array(classes)
  const objective = async (x: Float64Array) => {
    const gradient = new Float64Array(x.length)
    let value = 0
    for (let i = 0; i < biasAt; i++) {
      gradient[i] = l2 * x[i]!
      value += (l2 / 2) * x[i]! * x[i]!
    }
    for (let row = 0; row < count; row++) {
      const at = row * width
      let most = Number.NEGATIVE_INFINITY
      for (let c = 0; c < classes; c++) {
        let score = x[biasAt + c]!
        for (let f = 0; f < width; f++) score += x[c * width + f]! * values[at + f]!
        scores[c] = score
        most = Math.max(most, score)
      }
      let sum = 0
      for (let c = 0; c < classes; c++) sum += Math.exp(scores[c]! - most)
      value += (most + Math.log(sum) - scores[labels[row]!]!) / count
      for (let c = 0; c < classes; c++) {
        const error = (Math.exp(scores[c]! - most) / sum - (c === labels[row] ? 1 : 0)) / count
        gradient[biasAt + c]! += error
        for (let f = 0; f < width; f++) gradient[c * width + f]! += error * values[at + f]!
      }
    }
    return { value, gradient }
  }
  const { x } = await minimise(objective, new Float64Array(biasAt + classes), { maxIterations: 100 })
  return { weights: x.slice(0, biasAt), bias: x.slice(biasAt) }
}
