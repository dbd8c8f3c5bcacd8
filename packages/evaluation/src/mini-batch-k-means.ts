import { derive, expected, uniforms } from '@selfsup/core'
import type { Features } from './features.js'
import { expectNumbers } from './grade.js'
import {
  disposePoints,
  type KMeansResult,
  means,
  nearestCentres,
  pointsOf,
  spreadCentres,
} from './k-means.js'
import { rowsOf } from './rows-of.js'

export interface MiniBatchKMeansOptions {
  /** number of clusters, at least 2 */
  readonly clusters: number
  readonly seed?: number
  /** points per step; default 1024 */
  readonly batchSize?: number
  /** maximum number of passes over the points; default 100 */
  readonly maxPasses?: number
  /** steps without improvement of the smoothed inertia after which the iteration stops; default 10 */
  readonly patience?: number
  /** points per block in the final pass over all points */
  readonly block?: number
}

/**
 * k-means for many points: each step moves the centres towards the means of a random batch, with a rate that decreases with the
 * number of points a centre has seen (Sculley 2010). The initial centres are drawn by k-means++ from three batches. Like
 * scikit-learn's MiniBatchKMeans, it stops when the smoothed inertia of the batches has not decreased for `patience` steps, and
 * regularly moves centres that have seen few points to points of the batch. It ends with one Lloyd iteration over all points.
 * @param features one point per row
 * @throws SelfsupError if there are fewer points than clusters
 */
export async function miniBatchKMeans(
  features: Features,
  options: MiniBatchKMeansOptions,
): Promise<KMeansResult> {
  const { clusters, seed = 1, batchSize = 1024, maxPasses = 100, patience = 10, block = 16_384 } = options
  const { count } = features
  expected(
    Number.isInteger(clusters) && clusters >= 2 && clusters <= count,
    `miniBatchKMeans: clusters must be a whole number from 2 to ${count}, the number of points; got ${clusters}`,
  )
  expectNumbers('miniBatchKMeans', features)
  const own = [seed, 0x3b47] as const
  const size = Math.min(batchSize, count)
  const draw = (number: number, wanted: number) => {
    const draws = uniforms(derive(own, number), wanted)
    return Uint32Array.from(draws, (u) => Math.floor(u * count))
  }
  let centres = await firstCentres(
    rowsOf(features, draw(0, Math.min(count, Math.max(3 * size, 3 * clusters)))),
    clusters,
    seed,
  )
  const seen = new Float64Array(clusters)
  const steps = Math.ceil((maxPasses * count) / size)
  const smoothing = Math.min(1, (2 * size) / (count + 1))
  let [smoothed, least, worse] = [Number.NaN, Number.POSITIVE_INFINITY, 0]
  let step = 0
  for (; step < steps && worse < patience; step++) {
    const rows = draw(1 + step, size)
    const batch = rowsOf(features, rows)
    const points = pointsOf(batch)
    const { nearest, distances } = await nearestCentres(points, centres, clusters)
    disposePoints(points)
    move(centres, seen, batch, nearest)
    if ((step + 1) % 10 === 0) reassign(centres, seen, batch, distances)
    const inertia = distances.reduce((sum, distance) => sum + distance, 0) / size
    // The first batch was assigned to the initial centres.
    if (step === 0) continue
    smoothed = Number.isNaN(smoothed) ? inertia : smoothed * (1 - smoothing) + inertia * smoothing
    worse = smoothed < least ? 0 : worse + 1
    least = Math.min(least, smoothed)
  }

  const points = pointsOf(features, block)
  try {
    centres = await means(points, await nearestCentres(points, centres, clusters), clusters)
    const { nearest, distances } = await nearestCentres(points, centres, clusters)
    const inertia = distances.reduce((sum, distance) => sum + distance, 0)
    return { assignments: nearest, centres, inertia, iterations: step }
  } finally {
    disposePoints(points)
  }
}

async function firstCentres(some: Features, clusters: number, seed: number): Promise<Float32Array> {
  const points = pointsOf(some)
  try {
    return await spreadCentres(points, clusters, [seed, 0x3ea5])
  } finally {
    disposePoints(points)
  }
}

/** Moves each centre to the mean of all points ever assigned to it. */
function move(
  centres: Float32Array,
  seen: Float64Array,
  { values, count, width }: Features,
  nearest: Int32Array,
): void {
  const sums = new Float64Array(centres.length)
  const sizes = new Float64Array(seen.length)
  for (let i = 0; i < count; i++) {
    const at = nearest[i]! * width
    sizes[nearest[i]!]!++
    for (let f = 0; f < width; f++) sums[at + f]! += values[i * width + f]!
  }
  for (let c = 0; c < seen.length; c++) {
    if (sizes[c] === 0) continue
    const before = seen[c]!
    seen[c] = before + sizes[c]!
    for (let f = c * width; f < (c + 1) * width; f++)
      centres[f] = (centres[f]! * before + sums[f]!) / seen[c]!
  }
}

/** Moves centres that have seen less than a hundredth of the busiest one's points to the points farthest from their centres. */
function reassign(centres: Float32Array, seen: Float64Array, batch: Features, distances: Float64Array): void {
  const busiest = seen.reduce((a, b) => Math.max(a, b), 0)
  const idle = [...seen.keys()].filter((c) => seen[c]! < 0.01 * busiest).slice(0, batch.count / 2)
  if (idle.length === 0) return
  const least = seen.reduce((a, b) => (b >= 0.01 * busiest ? Math.min(a, b) : a), busiest)
  const farthest = [...distances.keys()].sort((a, b) => distances[b]! - distances[a]!)
  for (const [i, c] of idle.entries()) {
    const row = farthest[i]! * batch.width
    centres.set(batch.values.subarray(row, row + batch.width), c * batch.width)
    seen[c] = least
  }
}
