import { ARGUMENTS, bindings, type Dispatch, GROUP, WORKGROUP } from './dispatch.js'
import { four } from './tiled-product.js'

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
  const [rowTiles, columnTiles] = [Math.ceil(m / side), Math.ceil(n / side)]
  const tiles = rowTiles * columnTiles * taps * batches
  const parts = Math.max(1, Math.min(Math.floor(ENOUGH / tiles), Math.floor(k / SHORTEST)))
  const length = Math.ceil(k / parts)
  const each = (count: number, text: (i: number) => string) =>
    Array.from({ length: count }, (_, i) => text(i)).join('\n')
  const code = `${bindings({ a: wideA ? 'vec4f' : types[0], b: wideB ? 'vec4f' : types[1], c: wideB ? '=vec4f' : '=f32' })}
${four('a', wideA)}
${four('b', wideB)}
var<private> batch: u32;
${product.rowStart}
@compute @workgroup_size(${WORKGROUP})
fn main(${ARGUMENTS}) {
  let i = ${GROUP} * ${WORKGROUP}u + local;
  if (i >= ${tiles * parts}u) { return; }
  let n0 = (i % ${columnTiles}u) * ${side}u;
  let m0 = ((i / ${columnTiles}u) % ${rowTiles}u) * ${side}u;
  let tap = (i / ${columnTiles * rowTiles}u) % ${taps}u;
  batch = (i / ${columnTiles * rowTiles * taps}u) % ${batches}u;
  let part = i / ${tiles}u;
  let origin = ${start};
  ${each(side, (r) => each(side / 4, (v) => `var s${r}${v} = vec4f();`))}
  let end = min(${k}u, (part + 1u) * ${length}u);
  for (var k = part * ${length}u; k < end; k++) {
    let at = row_start(k, tap);
    if (at < 0) { continue; }
    ${each(side / 4, (u) => `let x${u} = select(vec4f(), load_a(u32(at) + m0 + ${4 * u}u, ${m}u - min(${m}u, m0 + ${4 * u}u)), m0 + ${4 * u}u < ${m}u);`)}
    ${each(side / 4, (v) => `let y${v} = select(vec4f(), load_b(origin + k * ${n}u + n0 + ${4 * v}u, ${n}u - min(${n}u, n0 + ${4 * v}u)), n0 + ${4 * v}u < ${n}u);`)}
    ${each(side, (r) => each(side / 4, (v) => `s${r}${v} += x${Math.floor(r / 4)}[${r % 4}] * y${v};`))}
  }
  let first = (((part * ${batches}u + batch) * ${taps}u + tap) * ${m}u + m0) * ${n}u + n0;
  ${each(side, (r) =>
    each(side / 4, (v) => {
      const inside = `m0 + ${r}u < ${m}u && n0 + ${4 * v}u`
      const at = `first + ${r * n + 4 * v}u`
      if (wideB) return `if (${inside} < ${n}u) { c[(${at}) / 4u] = s${r}${v}; }`
      return each(4, (j) => `if (${inside} + ${j}u < ${n}u) { c[${at} + ${j}u] = s${r}${v}[${j}]; }`)
    }),
  )}
}`
  return { code, parts, workgroups: Math.ceil((tiles * parts) / WORKGROUP) }
}
