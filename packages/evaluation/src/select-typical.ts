import { fusedTopK } from '@selfsup/kernels'
import * as tf from '@tensorflow/tfjs-core'
import type { Features } from './features.js'
import { kMeans } from './k-means.js'
import { largest } from './largest.js'
import { miniBatchKMeans } from './mini-batch-k-means.js'
import { rowsOf } from './rows-of.js'
import { labelledRowsOf, unitRows } from './select-k-centre.js'

/** Options of `selectTypical`. */
export interface TypicalOptions {
  /** how many rows to select */
  readonly count: number
  /** rows that are labelled already: clusters without any of them come first. Not selected again. Default none */
  readonly labelled?: ArrayLike<number>
  /** of the clustering; default 1 */
  readonly seed?: number
  readonly signal?: AbortSignal
}

// The values of the authors' code (github.com/avihu111/TypiClust).
const [NEIGHBOURS, SMALLEST_CLUSTER, MOST_CLUSTERS] = [20, 5, 500]
/** Beyond this many clusters k-means takes batches, as in the authors' code. */
const CLUSTERS_OF_FULL_K_MEANS = 50
/** At most this many members of a cluster are compared with all of them at once. */
const BLOCK = 2048

/**
 * Typical rows of many different kinds: the features are divided into as many clusters as there will be labels, and the most
 * typical image of each is selected, that with the smallest mean distance to its 20 nearest neighbours in the cluster
 * (TypiClust, Hacohen et al. 2022, arXiv:2202.02794, algorithm 1). For few labels: images that are unlike all others, which
 * `selectKCentre` prefers, teach little.
 *
 * @param features one image per row; compared by cosine
 * @returns rows in the order of selection, those of large clusters first
 * @throws SelfsupError if there are fewer rows than `count` without a label, or a feature is not finite
 */
export async function selectTypical(
  features: Features,
  { count, labelled = [], seed = 1, signal }: TypicalOptions,
): Promise<Uint32Array> {
  const given = labelledRowsOf('selectTypical', features, count, labelled)
  const unit = await unitFeatures(features)
  const clusters = await clustersOf(unit, Math.min(given.size + count, MOST_CLUSTERS), seed)

  const members = clusters.map((rows) => rows.filter((row) => !given.has(row)))
  const labels = clusters.map((rows, c) => rows.length - members[c]!.length)
  // Clusters with the fewest labels first, of these the largest; tiny ones only where there is nothing else.
  const order = [...members.keys()].sort(
    (a, b) =>
      Number(clusters[a]!.length < SMALLEST_CLUSTER) - Number(clusters[b]!.length < SMALLEST_CLUSTER) ||
      labels[a]! - labels[b]! ||
      clusters[b]!.length - clusters[a]!.length,
  )

  const ranked = new Map<number, number[]>()
  const selected: number[] = []
  for (let round = 0; selected.length < count; round++) {
    for (const cluster of order) {
      if (selected.length === count) break
      if (round >= members[cluster]!.length) continue // used up
      signal?.throwIfAborted()
      let ranking = ranked.get(cluster)
      if (!ranking) {
        ranking = await byTypicality(unit, members[cluster]!)
        ranked.set(cluster, ranking)
      }
      selected.push(ranking[round]!)
    }
  }
  return Uint32Array.from(selected)
}

async function unitFeatures(features: Features): Promise<Features> {
  const unit = unitRows(features)
  const values = await unit.data<'float32'>()
  unit.dispose()
  return { ...features, values }
}

/** The rows of each cluster. */
async function clustersOf(features: Features, wanted: number, seed: number): Promise<number[][]> {
  if (wanted < 2) return [Array.from({ length: features.count }, (_, row) => row)]
  const cluster = wanted > CLUSTERS_OF_FULL_K_MEANS ? miniBatchKMeans : kMeans
  const { assignments } = await cluster(features, { clusters: wanted, seed })
  const rows = Array.from({ length: wanted }, (): number[] => [])
  for (const [row, number] of assignments.entries()) rows[number]!.push(row)
  return rows
}

/** Rows of a cluster, those first whose nearest neighbours in it are nearest on average. */
async function byTypicality(features: Features, rows: readonly number[]): Promise<number[]> {
  const neighbours = Math.min(NEIGHBOURS, Math.floor(rows.length / 2))
  if (neighbours === 0) return [...rows]
  const { values, width } = rowsOf(features, rows)
  const all = tf.tensor2d(values, [rows.length, width])
  const distances = new Float32Array(rows.length)
  try {
    for (let start = 0; start < rows.length; start += BLOCK) {
      const means = tf.tidy(() => {
        const block = tf.slice(all, [start, 0], [Math.min(BLOCK, rows.length - start), -1])
        // The most similar is the row itself.
        const { values: similarities } =
          fusedTopK(block, all, neighbours + 1) ?? largest(tf.matMul(block, all, false, true), neighbours + 1)
        const others = tf.slice(similarities, [0, 1], [-1, -1])
        return tf.mean(tf.sqrt(tf.maximum(tf.sub(2, tf.mul(2, others)), 0)), 1)
      })
      distances.set(await means.data<'float32'>(), start)
      means.dispose()
    }
  } finally {
    all.dispose()
  }
  return [...rows.keys()].sort((a, b) => distances[a]! - distances[b]!).map((position) => rows[position]!)
}
