import { derive, expected, type Seed, uniforms } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { Features } from './features.js'
import { expectNumbers } from './grade.js'

export interface KMeansOptions {
  /** number of clusters, at least 2 */
  readonly clusters: number
  /** seed of the initial centres */
  readonly seed?: number
  /** runs from different initial centres, of which the best is returned; default 4 */
  readonly restarts?: number
  readonly maxIterations?: number
  /** initial centres, row after row, for a single run */
  readonly initial?: Float32Array
  /** points per block; memory is at most block * clusters distances */
  readonly block?: number
}

export interface KMeansResult {
  /** index of the nearest centre of each point */
  readonly assignments: Int32Array
  /** row after row, length clusters * width */
  readonly centres: Float32Array
  /** sum of the squared distances to the nearest centre */
  readonly inertia: number
  readonly iterations: number
}

/**
 * k-means by Lloyd's iterations until no assignment changes, from k-means++ centres (Arthur & Vassilvitskii 2007).
 * Deterministic for a given seed. A cluster that loses all its points is moved to the point farthest from its centre.
 * @param features one point per row
 * @throws SelfsupError if there are fewer points than clusters, or the initial centres have the wrong size
 */
export async function kMeans(
  { values, count, width }: Pick<Features, 'values' | 'count' | 'width'>,
  options: KMeansOptions,
): Promise<KMeansResult> {
  const { clusters, seed = 1, initial, restarts = 4, maxIterations = 300, block = 16_384 } = options
  expected(
    Number.isInteger(clusters) && clusters >= 2,
    `kMeans: clusters must be a whole number of at least 2; got ${clusters}`,
  )
  expected(
    clusters <= count,
    `kMeans: ${count} points cannot form ${clusters} clusters; use at most ${count}`,
  )
  expected(
    !initial || initial.length === clusters * width,
    `kMeans: initial must contain ${clusters} centres of ${width} numbers; got ${initial?.length} numbers`,
  )
  expected(
    Number.isInteger(restarts) && restarts >= 1,
    `kMeans: restarts must be a whole number of at least 1; got ${restarts}`,
  )
  expectNumbers('kMeans', { values, width })
  const points = pointsOf({ values, count, width }, block)
  try {
    let best: KMeansResult | undefined
    for (let run = 0; run < (initial ? 1 : restarts); run++) {
      const first = initial ?? (await spreadCentres(points, clusters, [seed, 0x3ea5 + run]))
      const result = await lloyd(points, first, clusters, maxIterations)
      if (!best || result.inertia < best.inertia) best = result
    }
    return best!
  } finally {
    disposePoints(points)
  }
}

type Rows = Pick<Features, 'values' | 'count' | 'width'>

/** A block of points on the device, and their squared norms. */
interface Block {
  readonly rows: tf.Tensor2D
  readonly lengths: tf.Tensor1D
}

/** Points on the device, block by block, and on the host. */
export interface Points extends Rows {
  readonly blocks: readonly Block[]
}

/** Copies points to the device. Free them with `disposePoints`. */
export function pointsOf({ values, count, width }: Rows, size = count): Points {
  const blocks: Block[] = []
  for (let start = 0; start < count; start += size) {
    const end = Math.min(start + size, count)
    const rows = tf.tensor2d(values.subarray(start * width, end * width), [end - start, width])
    blocks.push({ rows, lengths: tf.tidy(() => tf.sum(tf.square(rows), 1)) })
  }
  return { blocks, values, count, width }
}

/** Frees the points on the device. */
export function disposePoints({ blocks }: Points): void {
  tf.dispose(blocks.flatMap(({ rows, lengths }) => [rows, lengths]))
}

/** k-means++: draws each centre from the points, with probability proportional to the squared distance to the previous ones. */
export async function spreadCentres(points: Points, clusters: number, seed: Seed): Promise<Float32Array> {
  const { values, count, width } = points
  const centres = new Float32Array(clusters * width)
  const distances = new Float64Array(count).fill(Number.POSITIVE_INFINITY)
  const draws = uniforms(derive(seed, 0), clusters)
  let chosen = Math.floor(draws[0]! * count)
  for (let cluster = 0; ; cluster++) {
    centres.set(values.subarray(chosen * width, (chosen + 1) * width), cluster * width)
    if (cluster === clusters - 1) return centres
    const last = centres.subarray(cluster * width, (cluster + 1) * width)
    const { distances: toLast } = await nearestCentres(points, last, 1)
    let total = 0
    for (let i = 0; i < count; i++) {
      distances[i] = Math.min(distances[i]!, toLast[i]!)
      total += distances[i]!
    }
    let left = draws[cluster + 1]! * total
    chosen = distances.findIndex((distance) => {
      left -= distance
      return distance > 0 && left < 0
    })
    // By rounding, or because all remaining points coincide with centres.
    if (chosen < 0) chosen = distances.indexOf(distances.reduce((a, b) => Math.max(a, b), 0))
  }
}

async function lloyd(points: Points, first: Float32Array, clusters: number, maxIterations: number) {
  let centres = first
  let assignments = new Int32Array(points.count).fill(-1)
  for (let iteration = 1; ; iteration++) {
    const { nearest, distances } = await nearestCentres(points, centres, clusters)
    const moved = nearest.some((cluster, i) => cluster !== assignments[i])
    assignments = nearest
    if (!moved || iteration > maxIterations) {
      const inertia = distances.reduce((sum, distance) => sum + distance, 0)
      return { assignments, centres, inertia, iterations: Math.min(iteration, maxIterations) }
    }
    centres = await means(points, { nearest, distances }, clusters)
  }
}

/** Mean of each cluster's points: sums within a block in float32, over blocks in double precision. */
export async function means(
  { blocks, values, count, width }: Points,
  { nearest, distances }: Assigned,
  clusters: number,
): Promise<Float32Array> {
  const sizes = new Float64Array(clusters)
  for (let i = 0; i < count; i++) sizes[nearest[i]!]!++
  const sums = new Float64Array(clusters * width)
  let start = 0
  for (const { rows } of blocks) {
    const end = start + rows.shape[0]
    const sum = tf.tidy(() => {
      const own = tf.oneHot(tf.tensor1d(nearest.subarray(start, end), 'int32'), clusters)
      return tf.matMul(own, rows, true, false)
    })
    const added = await sum.data()
    sum.dispose()
    for (let at = 0; at < sums.length; at++) sums[at]! += added[at]!
    start = end
  }
  const farthest = sizes.includes(0)
    ? [...distances.keys()].sort((a, b) => distances[b]! - distances[a]!)
    : []
  return Float32Array.from({ length: clusters * width }, (_, at) => {
    const [cluster, f] = [Math.floor(at / width), at % width]
    if (sizes[cluster]! > 0) return sums[at]! / sizes[cluster]!
    const empty = sizes.subarray(0, cluster).filter((size) => size === 0).length
    return values[farthest[empty]! * width + f]!
  })
}

export interface Assigned {
  /** index of the nearest centre of each point */
  readonly nearest: Int32Array<ArrayBuffer>
  /** squared distance to it */
  readonly distances: Float64Array
}

/** Finds the nearest centre of each point. */
export async function nearestCentres(
  { blocks, count, width }: Points,
  centres: Float32Array,
  clusters: number,
): Promise<Assigned> {
  const [table, lengthsOfCentres] = tf.tidy(() => {
    const table = tf.tensor2d(centres, [clusters, width])
    return [table, tf.sum(tf.square(table), 1)] as const
  })
  const parts = blocks.map(({ rows, lengths }) =>
    tf.tidy(() => {
      const partial = tf.sub(lengthsOfCentres, tf.mul(tf.matMul(rows, table, false, true), 2))
      return { nearest: tf.argMin(partial, 1), distances: tf.relu(tf.add(tf.min(partial, 1), lengths)) }
    }),
  )
  try {
    const all = { nearest: new Int32Array(count), distances: new Float64Array(count) }
    let start = 0
    for (const { nearest, distances } of parts) {
      const [own, far] = await Promise.all([nearest.data(), distances.data()])
      all.nearest.set(own, start)
      all.distances.set(far, start)
      start += own.length
    }
    return all
  } finally {
    tf.dispose([table, lengthsOfCentres, ...parts.flatMap(({ nearest, distances }) => [nearest, distances])])
  }
}
