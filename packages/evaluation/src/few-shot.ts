import { derive, expected, type Seed, uniforms } from '@selfsup/core'
import type { Features } from './features.js'
import { expectNumbers } from './grade.js'
import { type Estimate, meanInterval } from './intervals.js'
import { fitLogistic } from './small-logistic.js'

export interface FewShotOptions {
  /** classes per episode; default 5 */
  readonly ways?: number
  /** training images per class; default 1 */
  readonly shots?: number
  /** test images per class; default 15 */
  readonly queries?: number
  /** default 600 */
  readonly episodes?: number
  readonly seed?: number
  /** default nearest centroid */
  readonly classifier?: 'nearest centroid' | 'logistic regression'
  readonly signal?: AbortSignal
}

/**
 * Few-shot classification: each episode draws classes and a few training images of each, and classifies other images of these
 * classes (Vinyals et al. 2016, arXiv:1606.04080, section 4.1; Snell et al. 2017, arXiv:1703.05175). On l2-normalised
 * features, like Wang et al. 2019 (arXiv:1911.04623) and Tian et al. 2020 (arXiv:2003.11539); logistic regression uses
 * scikit-learn's default penalty, C = 1. Images without a class (-1) are never drawn.
 * @returns mean accuracy over the episodes and its 95 % interval
 * @throws SelfsupError if fewer classes than `ways` have shots + queries images
 */
export async function fewShot(features: Features, options: FewShotOptions = {}): Promise<Estimate> {
  const { ways = 5, shots = 1, queries = 15, episodes = 600, seed = 1, signal } = options
  for (const [name, value, least] of [
    ['ways', ways, 2],
    ['shots', shots, 1],
    ['queries', queries, 1],
    ['episodes', episodes, 2],
  ] as const)
    expected(
      Number.isInteger(value) && value >= least,
      `fewShot: ${name} must be a whole number of at least ${least}; got ${value}`,
    )
  expectNumbers('fewShot', features)
  const members = membersOfClasses(features).filter((rows) => rows.length >= shots + queries)
  expected(
    members.length >= ways,
    `fewShot: ${ways} classes with at least ${shots + queries} images (${shots} for training, ${queries} for testing) are needed; ${members.length} have that many. Use fewer ways, shots or queries`,
  )
  const unit = unitRows(features)
  const accuracies = new Float64Array(episodes)
  for (let episode = 0; episode < episodes; episode++) {
    if (episode % 20 === 0) signal?.throwIfAborted()
    const own = derive([seed, 0xfe35], episode)
    const classes = sample(members.length, ways, derive(own, 0)).map((c) => members[c]!)
    const drawn = classes.map((rows, way) =>
      sample(rows.length, shots + queries, derive(own, 1 + way)).map((i) => rows[i]!),
    )
    const support = drawn.map((rows) => rows.slice(0, shots))
    const asked = drawn.map((rows) => rows.slice(shots))
    const scores =
      options.classifier === 'logistic regression'
        ? await logisticScores(unit, features.width, support)
        : centroidScores(unit, features.width, support)
    accuracies[episode] = accuracyOf(unit, features.width, asked, scores)
  }
  return meanInterval(accuracies, { within: [0, 1] })
}

/** Linear scores: weights [ways, width] and one bias per way. The class with the highest score is predicted. */
interface Scores {
  readonly weights: Float64Array
  readonly bias: Float64Array
}

/** -|x - c|^2 without |x|^2, which is the same for all classes. */
function centroidScores(values: Float32Array, width: number, support: readonly number[][]): Scores {
  const weights = new Float64Array(support.length * width)
  const bias = new Float64Array(support.length)
  for (const [way, rows] of support.entries()) {
    for (const row of rows)
      for (let f = 0; f < width; f++)
        weights[way * width + f]! += (2 * values[row * width + f]!) / rows.length
    for (let f = 0; f < width; f++) bias[way]! -= (weights[way * width + f]! / 2) ** 2
  }
  return { weights, bias }
}

async function logisticScores(
  values: Float32Array,
  width: number,
  support: readonly number[][],
): Promise<Scores> {
  const rows = support.flat()
  const packed = new Float64Array(rows.length * width)
  for (const [i, row] of rows.entries())
    packed.set(values.subarray(row * width, (row + 1) * width), i * width)
  const labels = Int32Array.from(support.flatMap((some, way) => some.map(() => way)))
  return fitLogistic(packed, labels, { width, classes: support.length, l2: 1 / rows.length })
}

function accuracyOf(
  values: Float32Array,
  width: number,
  asked: readonly number[][],
  { weights, bias }: Scores,
): number {
  let [right, count] = [0, 0]
  for (const [own, rows] of asked.entries()) {
    for (const row of rows) {
      let [best, most] = [-1, Number.NEGATIVE_INFINITY]
      for (let way = 0; way < bias.length; way++) {
        let score = bias[way]!
        for (let f = 0; f < width; f++) score += weights[way * width + f]! * values[row * width + f]!
        if (score > most) [best, most] = [way, score]
      }
      count++
      if (best === own) right++
    }
  }
  return right / count
}

/** Rows of each class that occurs. */
export function membersOfClasses({ labels }: Pick<Features, 'labels'>): number[][] {
  const members = new Map<number, number[]>()
  for (const [row, label] of labels.entries()) {
    if (label < 0) continue
    const rows = members.get(label)
    if (rows) rows.push(row)
    else members.set(label, [row])
  }
  return [...members].sort(([a], [b]) => a - b).map(([, rows]) => rows)
}

/** `wanted` different numbers below `count`, in random order: the beginning of a Fisher-Yates shuffle. */
export function sample(count: number, wanted: number, seed: Seed): number[] {
  const draws = uniforms(seed, wanted)
  const moved = new Map<number, number>()
  return Array.from({ length: wanted }, (_, i) => {
    const j = i + Math.floor(draws[i]! * (count - i))
    const chosen = moved.get(j) ?? j
    moved.set(j, moved.get(i) ?? i)
    return chosen
  })
}

function unitRows({ values, count, width }: Features): Float32Array {
  const unit = new Float32Array(values.length)
  for (let row = 0; row < count; row++) {
    let squares = 0
    for (let f = row * width; f < (row + 1) * width; f++) squares += values[f]! ** 2
    const factor = 1 / Math.max(Math.sqrt(squares), 1e-12)
    for (let f = row * width; f < (row + 1) * width; f++) unit[f] = values[f]! * factor
  }
  return unit
}
