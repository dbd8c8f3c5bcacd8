/** Accuracy of a classifier on independent images. */
export interface ClassifierAccuracy {
  /** fraction of correct predictions, 0..1 */
  readonly accuracy: number
  /** 95 % interval of the accuracy (Wilson) */
  readonly interval: readonly [number, number]
  /** accuracy of random guessing */
  readonly chance: number
  /** number of independent images */
  readonly images: number
}

/** Examples of a choice between `candidates`. */
export interface Choice {
  readonly candidates: number
  readonly features: number
  /**
   * Without `answers`: the features of every candidate of each example, [examples, candidates, features], the correct one first;
   * one scoring function for all candidates is fitted (conditional logit, McFadden 1974). With `answers`: the features of each
   * example, [examples, features]; each candidate has weights and a bias (softmax regression).
   */
  readonly values: Float32Array
  /** correct candidate of each example */
  readonly answers?: Uint8Array
  /** consecutive examples that belong to one image and stay together in cross-validation; default 1 */
  readonly perImage?: number
}

const FOLDS = 3

/** Number of runs of consecutive images per fold, so that neighbouring frames of a video are mostly in one fold. */
const RUNS = 10

const STEPS = 40
const RATE = 0.05
const MOMENTS = [0.9, 0.99] as const

/** L2 penalty of the weights, relative to the mean loss per example. */
const DECAY = 0.02

/**
 * Accuracy of a small linear classifier that selects the correct candidate, on images that it was not fitted to: threefold
 * cross-validation over images.
 */
export function classifierAccuracy(choice: Choice): ClassifierAccuracy {
  const { candidates, features, perImage = 1, answers } = choice
  const examples = choice.values.length / (features * (answers ? 1 : candidates))
  const images = examples / perImage
  const chance = 1 / candidates
  if (images < FOLDS) return { accuracy: chance, interval: [0, 1], chance, images }
  const task = prepared(choice)
  const together = Math.ceil(images / (FOLDS * RUNS))
  const all = Array.from({ length: examples }, (_, example) => example)
  const scores = new Float64Array(candidates)
  let right = 0
  for (let fold = 0; fold < FOLDS; fold++) {
    const inside = (example: number) => Math.floor(example / (perImage * together)) % FOLDS === fold
    const weights = fit(
      task,
      all.filter((example) => !inside(example)),
    )
    for (const example of all.filter(inside)) {
      score(task, weights, example, scores)
      // Ties between equal scores count as random guesses.
      const best = scores.reduce((a, b) => Math.max(a, b))
      const tied = scores.reduce((count, value) => count + (value === best ? 1 : 0), 0)
      if (scores[answers?.[example] ?? 0] === best) right += 1 / tied
    }
  }
  const accuracy = right / examples
  return { accuracy, interval: wilson(accuracy, images), chance, images }
}

/** Wilson's 95 % interval of a proportion (Wilson 1927). */
export function wilson(part: number, trials: number): [number, number] {
  const z = 1.96
  const shrunk = (part + (z * z) / (2 * trials)) / (1 + (z * z) / trials)
  const half = ((z / (1 + (z * z) / trials)) * Math.sqrt(part * (1 - part) * trials + (z * z) / 4)) / trials
  return [Math.max(0, shrunk - half), Math.min(1, shrunk + half)]
}

/** Standardises each feature to mean 0 and standard deviation 1 (0 if constant), and appends a constant for the bias. */
function prepared(choice: Choice): Choice {
  const { values, features, answers } = choice
  const rows = values.length / features
  const mean = new Float64Array(features)
  const square = new Float64Array(features)
  for (let i = 0; i < values.length; i++) {
    mean[i % features]! += values[i]! / rows
    square[i % features]! += (values[i]! * values[i]!) / rows
  }
  const scale = square.map((value, j) => {
    const variance = value - mean[j]! * mean[j]!
    return variance > 1e-10 ? 1 / Math.sqrt(variance) : 0
  })
  const width = features + (answers ? 1 : 0)
  const result = new Float32Array(rows * width).fill(1)
  for (let row = 0; row < rows; row++)
    for (let j = 0; j < features; j++)
      result[row * width + j] = (values[row * features + j]! - mean[j]!) * scale[j]!
  return { ...choice, values: result, features: width }
}

/** Scores of an example's candidates. */
function score(choice: Choice, weights: Float64Array, example: number, scores: Float64Array): void {
  const { candidates, features, values, answers } = choice
  for (let candidate = 0; candidate < candidates; candidate++) {
    const at = (answers ? example : example * candidates + candidate) * features
    const from = answers ? candidate * features : 0
    let sum = 0
    for (let j = 0; j < features; j++) sum += values[at + j]! * weights[from + j]!
    scores[candidate] = sum
  }
}

/** Minimises the mean cross-entropy with L2 penalty by a fixed number of full-batch Adam steps. */
function fit(choice: Choice, examples: readonly number[]): Float64Array {
  const { candidates, features, values, answers } = choice
  const weights = new Float64Array(features * (answers ? candidates : 1))
  const [first, second, gradient] = [weights.slice(), weights.slice(), weights.slice()]
  const scores = new Float64Array(candidates)
  for (let step = 1; step <= STEPS; step++) {
    gradient.set(weights)
    for (let j = 0; j < gradient.length; j++) gradient[j]! *= DECAY
    for (const example of examples) {
      score(choice, weights, example, scores)
      const most = scores.reduce((a, b) => Math.max(a, b))
      let total = 0
      for (let c = 0; c < candidates; c++) total += scores[c] = Math.exp(scores[c]! - most)
      for (let c = 0; c < candidates; c++) {
        const pull = (scores[c]! / total - (c === (answers?.[example] ?? 0) ? 1 : 0)) / examples.length
        const at = (answers ? example : example * candidates + c) * features
        const to = answers ? c * features : 0
        for (let j = 0; j < features; j++) gradient[to + j]! += pull * values[at + j]!
      }
    }
    const correction = Math.sqrt(1 - MOMENTS[1] ** step) / (1 - MOMENTS[0] ** step)
    for (let j = 0; j < weights.length; j++) {
      first[j] = MOMENTS[0] * first[j]! + (1 - MOMENTS[0]) * gradient[j]!
      second[j] = MOMENTS[1] * second[j]! + (1 - MOMENTS[1]) * gradient[j]! ** 2
      weights[j]! -= (RATE * correction * first[j]!) / (Math.sqrt(second[j]!) + 1e-9)
    }
  }
  return weights
}
