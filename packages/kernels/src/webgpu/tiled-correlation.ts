import type { Dispatch } from './dispatch.js'
import { each, registerTiles } from './register-tiles.js'

/** Rows and columns of results that one invocation computes; fewer where values are loaded one by one, as programs compile slowly. */
const SIDE = 8
const SIDE_OF_ODD_SIZES = 4
/** Invocations that are enough to keep a device busy; with fewer tiles, the sum is divided. */
const ENOUGH = 16_384
const SHORTEST = 64

/**
 * A sum of outer products, C[tap, m, n] = sum over k of A[k, tap, m] x B[k, n]: the gradient of a filter, with pixels as k,
 * or a product of which the first matrix is transposed.
 */
export interface TiledCorrelation {
  readonly m: number
  readonly n: number
  readonly k: number
  readonly taps: number
  /** WGSL of `fn row_start(k: u32, tap: u32) -> i32`: where the m values begin in A, -1 if they are all zero */
  readonly rowStart: string
  readonly batches?: number
  /** where B begins, in elements, from `batch` */
  readonly start?: string
  readonly types?: readonly [string, string]
}

/**
 * WGSL and workgroups; the bindings are A, B and the sums [parts, batches, taps, m, n]: the sum over k is divided into parts
 * where there are few results, and the caller adds these up.
 */
export function tiledCorrelation(
  product: TiledCorrelation,
): Pick<Dispatch, 'code' | 'workgroups'> & { readonly parts: number } {
  const { m, n, k, taps, batches = 1, start = '0u', types = ['f32', 'f32'] } = product
  const [wideA, wideB] = [m % 4 === 0 && types[0] === 'f32', n % 4 === 0 && types[1] === 'f32']
  const side = wideA && wideB ? SIDE : SIDE_OF_ODD_SIZES
  const vectors = side / 4
  const tiles = Math.ceil(m / side) * Math.ceil(n / side) * taps * batches
  const parts = Math.max(1, Math.min(Math.floor(ENOUGH / tiles), Math.floor(k / SHORTEST)))
  const length = Math.ceil(k / parts)
  const body = `let tap = matrix % ${taps}u;
  batch = (matrix / ${taps}u) % ${batches}u;
  let part = matrix / ${taps * batches}u;
  let origin = ${start};
  let end = min(${k}u, (part + 1u) * ${length}u);
  for (var k = part * ${length}u; k < end; k++) {
    let at = row_start(k, tap);
    if (at < 0) { continue; }
    ${each(vectors, (u) => `let x${u} = select(vec4f(), load_a(u32(at) + m0 + ${4 * u}u, ${m}u - min(${m}u, m0 + ${4 * u}u)), m0 + ${4 * u}u < ${m}u);`)}
    ${each(vectors, (v) => `let y${v} = select(vec4f(), load_b(origin + k * ${n}u + n0 + ${4 * v}u, ${n}u - min(${n}u, n0 + ${4 * v}u)), n0 + ${4 * v}u < ${n}u);`)}
    ${each(side, (r) => each(vectors, (v) => `s${r}${v} += x${Math.floor(r / 4)}[${r % 4}] * y${v};`))}
  }`
  const program = registerTiles({
    m,
    n,
    rows: side,
    vectors,
    matrices: parts * batches * taps,
    types,
    wide: [wideA, wideB, wideB],
    functions: product.rowStart,
    body,
  })
  return { ...program, parts }
}
