import type { EvaluationRecord, EvaluationValue } from '@selfsup/run-folder'
import { adjustedRandIndex } from '../adjusted-rand.js'
import { clusterAccuracy } from '../cluster-accuracy.js'
import type { Features } from '../features.js'
import { meanInterval } from '../intervals.js'
import { type KMeansResult, kMeans } from '../k-means.js'
import { miniBatchKMeans } from '../mini-batch-k-means.js'
import { normalisedMutualInformation } from '../mutual-information.js'
import type { Protocol } from '../protocol.js'
import { largestClassValue } from './classification.js'
import { everything, missingClasses } from './requirements.js'

/** Above this number of points, mini-batch k-means is used. */
const MANY = 20_000

/** Finds as many clusters as there are classes, without labels, and compares them with the classes. */
export const clusteringProtocol: Protocol = {
  name: 'clustering',
  title: 'Clustering',
  summary: 'k-means and the run’s own clusters: accuracy by best assignment, NMI, ARI',
  missing: missingClasses,
  async find(subject, { seed, quick, signal, onProgress }) {
    const { labels } = subject.test
    const clusters = new Set(labels.filter((label) => label >= 0)).size
    const seeds = Array.from({ length: quick ? 2 : 5 }, (_, i) => seed + i)
    const values: EvaluationValue[] = []
    for (const [name, assigned] of Object.entries(subject.clusterings ?? {}))
      values.push(...one(name, scoresOf(assigned, labels)))
    const all = everything(subject)
    let own: { features: Features; result: KMeansResult } | undefined
    for (const [i, { name, test }] of all.entries()) {
      const points = unitLength(test)
      const found: ClusteringScores[] = []
      for (const [j, each] of seeds.entries()) {
        signal?.throwIfAborted()
        onProgress?.((i + j / seeds.length) / all.length, name)
        const result =
          test.count > MANY
            ? await miniBatchKMeans(points, { clusters, seed: each })
            : await kMeans(points, { clusters, seed: each, restarts: 2 })
        own ??= { features: points, result }
        found.push(scoresOf(result.assignments, test.labels))
      }
      values.push(...over(name, found))
    }
    return {
      options: { clusters, seeds, algorithm: subject.test.count > MANY ? 'mini-batch k-means' : 'k-means' },
      values: [...values, largestClassValue(subject)],
      clusters: sheets(own!.features, own!.result, clusters),
    }
  },
}

type ClusteringScores = Record<'accuracy' | 'NMI' | 'ARI', number>

function scoresOf(assigned: Int32Array, labels: Int32Array): ClusteringScores {
  return {
    accuracy: clusterAccuracy(assigned, labels).accuracy,
    NMI: normalisedMutualInformation(labels, assigned),
    ARI: adjustedRandIndex(labels, assigned),
  }
}

const metrics = ['accuracy', 'NMI', 'ARI'] as const

function one(features: string, scores: ClusteringScores): EvaluationValue[] {
  return metrics.map((metric) => ({ ...described(metric, features), value: scores[metric] }))
}

function over(features: string, scores: readonly ClusteringScores[]): EvaluationValue[] {
  return metrics.map((metric) => ({
    ...described(metric, features),
    ...meanInterval(
      scores.map((each) => each[metric]),
      { within: [metric === 'ARI' ? -1 : 0, 1] },
    ),
  }))
}

function described(metric: string, features: string) {
  return {
    metric,
    features,
    higherIsBetter: true,
    ...(metric === 'accuracy' && { unit: 'part' as const }),
  }
}

/** l2-normalises the features, as kNN does. */
function unitLength(features: Features): Features {
  const { count, width } = features
  const values = Float32Array.from(features.values)
  for (let row = 0; row < count; row++) {
    const own = values.subarray(row * width, (row + 1) * width)
    const length = Math.sqrt(own.reduce((sum, value) => sum + value * value, 0))
    if (length > 0) for (let f = 0; f < width; f++) own[f]! /= length
  }
  return { ...features, values }
}

/** The largest clusters, with the members nearest to the centre. */
function sheets(
  { values, width, labels, indices, classes }: Features,
  { assignments, centres }: KMeansResult,
  clusters: number,
): EvaluationRecord['clusters'] {
  const members = Array.from({ length: clusters }, () => [] as number[])
  for (const [row, cluster] of assignments.entries()) members[cluster]!.push(row)
  return members
    .map((rows, cluster) => {
      const distance = new Map(
        rows.map((row) => {
          let sum = 0
          for (let f = 0; f < width; f++)
            sum += (values[row * width + f]! - centres[cluster * width + f]!) ** 2
          return [row, sum]
        }),
      )
      const nearest = [...rows].sort((a, b) => distance.get(a)! - distance.get(b)!).slice(0, 24)
      const mostly = commonest(rows.map((row) => labels[row]!).filter((label) => label >= 0))
      return {
        size: rows.length,
        members: nearest.map((row) => indices[row]!),
        ...(mostly !== undefined && { mostly: classes?.[mostly] ?? String(mostly) }),
      }
    })
    .filter(({ size }) => size > 0)
    .sort((a, b) => b.size - a.size)
    .slice(0, 50)
}

function commonest(labels: readonly number[]): number | undefined {
  const counts = new Map<number, number>()
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1)
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0]
}
