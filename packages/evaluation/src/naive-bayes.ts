import type { Features } from './features.js'
import { classRows, type Graded, grade } from './grade.js'
import { classMeans } from './nearest-centroid.js'

/**
 * Gaussian naive Bayes: each feature normal within each class and independent of the others. Variances get 1e-9 of the
 * largest feature's added, as in scikit-learn's GaussianNB, which it equals. Images without a class (-1) are left out.
 * @throws SelfsupError when widths or classes don't fit
 */
export function naiveBayes(train: Features, test: Features): Graded {
  const { rows, classes } = classRows('naiveBayes', train, test)
  const { width } = train
  const means = classMeans(train, rows, classes)
  const variances = new Float64Array(classes * width)
  for (const row of rows) {
    const start = train.labels[row]! * width
    for (let f = 0; f < width; f++)
      variances[start + f]! += (train.values[row * width + f]! - means.values[start + f]!) ** 2
  }
  const smoothing = 1e-9 * largestVariance(train, rows)
  // log p(class) - sum of (x - mean)^2 / (2 variance) + log(variance) / 2
  const constants = new Float64Array(classes)
  for (let c = 0; c < classes; c++) {
    constants[c] = Math.log(means.sizes[c]! / rows.length)
    for (let f = c * width; f < (c + 1) * width; f++) {
      const variance = variances[f]! / means.sizes[c]! + smoothing
      constants[c]! -= Math.log(2 * Math.PI * variance) / 2
      variances[f] = 1 / (2 * variance)
    }
  }
  const predictions = new Int32Array(test.count)
  for (let row = 0; row < test.count; row++) {
    let best = Number.NEGATIVE_INFINITY
    for (let c = 0; c < classes; c++) {
      if (means.sizes[c] === 0) continue
      let likelihood = constants[c]!
      for (let f = 0; f < width; f++) {
        const d = test.values[row * width + f]! - means.values[c * width + f]!
        likelihood -= d * d * variances[c * width + f]!
      }
      if (likelihood <= best) continue
      best = likelihood
      predictions[row] = c
    }
  }
  return grade('naiveBayes', predictions, test.labels)
}

/** Of all features over the rows. */
function largestVariance({ values, width }: Features, rows: Uint32Array): number {
  const sums = new Float64Array(width)
  const squares = new Float64Array(width)
  for (const row of rows) for (let f = 0; f < width; f++) sums[f]! += values[row * width + f]! / rows.length
  for (const row of rows)
    for (let f = 0; f < width; f++) squares[f]! += (values[row * width + f]! - sums[f]!) ** 2 / rows.length
  return squares.reduce((most, square) => Math.max(most, square), 0)
}
