import { expected, normals, uniforms } from '@selfsup/core'
import { UMAP } from 'umap-js'

/** Rows of features: values is [count, width], row after row. */
export interface FeatureRows {
  readonly values: Float32Array
  readonly count: number
  readonly width: number
}

/** Minimum number of points of a map. */
const FEWEST_POINTS = 10
/** Wider features are first projected at random to this width, which approximately preserves distances (Johnson and Lindenstrauss 1984) and saves time. */
const WIDEST = 128
/** The paper's value for many points; more epochs do not change the map visibly. */
const EPOCHS = 200

/**
 * Places rows of features in the plane so that neighbours, by the angle between rows, stay neighbours (UMAP: McInnes et al.
 * 2018, arXiv:1802.03426). Deterministic.
 * @returns x and y of each row, 0..4095
 * @throws SelfsupError if there are fewer than 10 rows, a value is not finite, or all rows are the same
 */
export function placeFeatures({ values, count, width }: FeatureRows): { x: number[]; y: number[] } {
  expected(count >= FEWEST_POINTS, `a map needs at least ${FEWEST_POINTS} images; got ${count}`)
  expected(
    values.length === count * width,
    `features must be [${count}, ${width}]; got ${values.length} values`,
  )
  expected(
    values.every(Number.isFinite),
    'the features contain NaN or infinite values: the training has diverged',
  )
  const rows = unitRows({ values, count, width })
  const [first] = rows
  expected(
    rows.some((row) => row.some((value, i) => Math.abs(value - first![i]!) > 1e-6)),
    'all features are the same: they have collapsed to a single point',
  )
  const umap = new UMAP({
    nNeighbors: Math.min(15, count - 1),
    minDist: 0.1,
    nEpochs: EPOCHS,
    random: randomNumbers(),
  })
  const places = umap.fit(rows.map((row) => [...row]))
  return { x: scaled(places.map(([x]) => x!)), y: scaled(places.map(([, y]) => y!)) }
}

function unitRows({ values, count, width }: FeatureRows): Float64Array[] {
  const target = Math.min(width, WIDEST)
  const projection = width > WIDEST ? normals([0x5e1f5, 1], width * target) : undefined
  return Array.from({ length: count }, (_, i) => {
    const row = values.subarray(i * width, (i + 1) * width)
    const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0)) || 1
    const unit = Float64Array.from(row, (value) => value / length)
    if (!projection) return unit
    const projected = new Float64Array(target)
    for (let k = 0; k < width; k++)
      for (let j = 0; j < target; j++) projected[j]! += unit[k]! * projection[k * target + j]!
    return projected
  })
}

function randomNumbers(): () => number {
  let block: Float32Array = new Float32Array(0)
  let [at, number] = [0, 0]
  return () => {
    if (at === block.length) [block, at] = [uniforms([0x5e1f5, number++], 4096), 0]
    return block[at++]!
  }
}

/** Scales values to 0..4095. */
function scaled(values: readonly number[]): number[] {
  const low = values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY)
  const high = values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY)
  return values.map((value) => Math.round((4095 * (value - low)) / (high - low || 1)))
}
