import { expected } from '@selfsup/core'
import type { Features } from './features.js'
import { classRows, type Graded, grade } from './grade.js'

export interface DecisionTreeOptions {
  /** questions from the root to a leaf at most; default no limit, as in scikit-learn */
  readonly maxDepth?: number
  /** images that a leaf holds at least; default 1 */
  readonly minLeaf?: number
}

/** A leaf gives a class; other nodes ask whether a feature is at most a threshold. */
type Node =
  | { readonly label: number }
  | { readonly feature: number; readonly threshold: number; readonly low: Node; readonly high: Node }

/**
 * A decision tree that is split by Gini impurity until its leaves are pure (CART: Breiman et al. 1984). As scikit-learn's
 * DecisionTreeClassifier, which of equally good splits takes any; here the one of the lowest feature and threshold is
 * taken. Images without a class (-1) are left out.
 * @throws SelfsupError when widths or classes don't fit
 */
export function decisionTree(
  train: Features,
  test: Features,
  { maxDepth = Number.POSITIVE_INFINITY, minLeaf = 1 }: DecisionTreeOptions = {},
): Graded {
  expected(maxDepth >= 1, `decisionTree: maxDepth must be at least 1; got ${maxDepth}`)
  expected(
    Number.isInteger(minLeaf) && minLeaf >= 1,
    `decisionTree: minLeaf must be a whole number of at least 1; got ${minLeaf}`,
  )
  const { rows, classes } = classRows('decisionTree', train, test)
  expected(rows.length <= MOST, `decisionTree: at most ${MOST} training images; got ${rows.length}`)
  const root = grow({ train, classes, minLeaf }, rows, maxDepth)
  const predictions = Int32Array.from({ length: test.count }, (_, row) => {
    let node = root
    while ('feature' in node)
      node = test.values[row * test.width + node.feature]! <= node.threshold ? node.low : node.high
    return node.label
  })
  return grade('decisionTree', predictions, test.labels)
}

interface Growing {
  readonly train: Features
  readonly classes: number
  readonly minLeaf: number
}

function grow(growing: Growing, rows: Uint32Array, depth: number): Node {
  const { train, classes, minLeaf } = growing
  const counts = new Float64Array(classes)
  for (const row of rows) counts[train.labels[row]!]!++
  const label = counts.indexOf(counts.reduce((a, b) => Math.max(a, b), 0))
  if (depth === 0 || counts[label] === rows.length || rows.length < 2 * minLeaf) return { label }
  const split = bestSplit(growing, rows, counts)
  if (!split) return { label }
  const { feature, threshold } = split
  const isLow = (row: number) => train.values[row * train.width + feature]! <= threshold
  return {
    feature,
    threshold,
    low: grow(growing, rows.filter(isLow), depth - 1),
    high: grow(
      growing,
      rows.filter((row) => !isLow(row)),
      depth - 1,
    ),
  }
}

/** The question after which the two sides are purest; undefined when all rows are alike. */
function bestSplit(
  { train, classes, minLeaf }: Growing,
  rows: Uint32Array,
  counts: Float64Array,
): { feature: number; threshold: number } | undefined {
  const count = rows.length
  const column = new Float32Array(count)
  const low = new Float64Array(classes)
  let best: { feature: number; threshold: number } | undefined
  let purest = Number.NEGATIVE_INFINITY
  const all = counts.reduce((sum, n) => sum + n * n, 0)
  for (let feature = 0; feature < train.width; feature++) {
    for (let i = 0; i < count; i++) column[i] = train.values[rows[i]! * train.width + feature]!
    const order = sortedWithLabels(column, rows, train.labels)
    if (column[0] === column[count - 1]) continue
    low.fill(0)
    let [ofLow, ofHigh] = [0, all]
    for (let i = 0; i < count - 1; i++) {
      const label = order[i]!
      // Sums of squared counts, one image moved from the high to the low side.
      ofLow += 2 * low[label]! + 1
      ofHigh -= 2 * (counts[label]! - low[label]!) - 1
      low[label]!++
      if (column[i] === column[i + 1] || i + 1 < minLeaf || count - i - 1 < minLeaf) continue
      // Gini impurity of both sides, by size, is 1 - this / count.
      const purity = ofLow / (i + 1) + ofHigh / (count - i - 1)
      if (purity <= purest) continue
      purest = purity
      best = { feature, threshold: between(column[i]!, column[i + 1]!) }
    }
  }
  return best
}

/** Largest number of images of a tree: a sort key packs the position of an image and its value. */
const MOST = 2 ** 21

/** Sorts the column; returns the labels in the same order. */
function sortedWithLabels(column: Float32Array, rows: Uint32Array, labels: Int32Array): Int32Array {
  // Value and position as one number: typed arrays sort many times faster without a comparing function.
  const bits = new Int32Array(column.buffer)
  const keys = new Float64Array(column.length)
  for (let i = 0; i < keys.length; i++) {
    const ordered = bits[i]! >= 0 ? bits[i]! : -(bits[i]! & 0x7fffffff)
    keys[i] = ordered * MOST + i
  }
  keys.sort()
  const sorted = new Int32Array(keys.length)
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!
    sorted[i] = labels[rows[key - Math.floor(key / MOST) * MOST]!]!
  }
  column.sort()
  return sorted
}

/** In the middle of two neighbouring values, and below the higher one whatever rounding does. */
function between(low: number, high: number): number {
  const middle = low / 2 + high / 2
  return middle < high ? middle : low
}
