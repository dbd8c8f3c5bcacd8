import type { Features } from './features.js'
import { classRows, type Graded, grade } from './grade.js'

/**
 * Assigns each test image to the class with the nearest mean feature (Euclidean), like scikit-learn's NearestCentroid. Images
 * without a class (-1) are left out.
 * @throws SelfsupError if the widths or classes of train and test do not match
 */
export function nearestCentroid(train: Features, test: Features): Graded {
  const { rows, classes } = classRows('nearestCentroid', train, test)
  const { width } = train
  const means = classMeans(train, rows, classes)
  const predictions = new Int32Array(test.count)
  for (let row = 0; row < test.count; row++) {
    let best = Number.POSITIVE_INFINITY
    for (let c = 0; c < classes; c++) {
      if (means.sizes[c] === 0) continue
      let distance = 0
      for (let f = 0; f < width; f++) {
        const d = test.values[row * width + f]! - means.values[c * width + f]!
        distance += d * d
      }
      if (distance >= best) continue
      best = distance
      predictions[row] = c
    }
  }
  return grade('nearestCentroid', predictions, test.labels)
}

/** Mean feature of each class, [classes, width]; zeros for a class without rows. */
export function classMeans(
  { values, labels, width }: Features,
  rows: Uint32Array,
  classes: number,
): { values: Float64Array; sizes: Float64Array } {
  const sums = new Float64Array(classes * width)
  const sizes = new Float64Array(classes)
  for (const row of rows) {
    const start = labels[row]! * width
    sizes[labels[row]!]!++
    for (let f = 0; f < width; f++) sums[start + f]! += values[row * width + f]!
  }
  for (let c = 0; c < classes; c++)
    if (sizes[c]! > 0) for (let f = 0; f < width; f++) sums[c * width + f]! /= sizes[c]!
  return { values: sums, sizes }
}
