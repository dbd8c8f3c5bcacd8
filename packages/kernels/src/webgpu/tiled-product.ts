import type { Dispatch } from './dispatch.js'
import { each, type RegisterTiles, registerTiles } from './register-tiles.js'

/** Rows of results that one invocation computes. */
const ROWS = 4
/** Columns, in vectors of four; fewer where values are loaded one by one, as programs compile slowly. */
const VECTORS = 2
const VECTORS_OF_ODD_SIZES = 1

/**
 * A sum of products, C[m, n] = sum over taps and k of A[m, tap, k] x B[tap, k, n], in which rows of A are found by a
 * function: a matrix product with one tap, a convolution with one for each place in the filter.
 */
export interface TiledProduct extends Pick<RegisterTiles, 'more' | 'finish'> {
  readonly m: number
  readonly n: number
  readonly k: number
  readonly taps: number
  /** WGSL of `fn row_start(m: u32, tap: u32) -> i32`: where the row's k values begin in A, -1 if they are all zero */
  readonly rowStart: string
  /** where a tap's matrix begins in B, in elements, from `tap` (and `batch`) */
  readonly tapStart: string
  /** whether a tap's matrix is [n, k] in place of [k, n] */
  readonly transposed: boolean
  /** number of independent products; the functions above may use `batch`. Default 1 */
  readonly batches?: number
  /** types of A and B on the device, if they are not floats */
  readonly types?: readonly [string, string]
}

/** WGSL and workgroups of a tiled product; the bindings are A, B, C and `more`. Vectors of four are loaded along k. */
export function tiledProduct(product: TiledProduct): Pick<Dispatch, 'code' | 'workgroups'> {
  const { m, n, k, taps, transposed, batches = 1, types = ['f32', 'f32'] } = product
  const wideA = k % 4 === 0 && types[0] === 'f32'
  const wideB = (transposed ? k : n) % 4 === 0 && types[1] === 'f32'
  const wideC = n % 4 === 0
  const vectors = n > 4 && wideA && wideB && wideC ? VECTORS : VECTORS_OF_ODD_SIZES
  const body = `batch = matrix;
  for (var tap = 0u; tap < ${taps}u; tap++) {
    let start = ${product.tapStart};
    ${each(ROWS, (r) => `let at${r} = select(-1, row_start(min(m0 + ${r}u, ${m - 1}u), tap), m0 + ${r}u < ${m}u);`)}
    ${taps > 1 ? `if (${Array.from({ length: ROWS }, (_, r) => `at${r} < 0`).join(' && ')}) { continue; }` : ''}
    for (var k = 0u; k < ${k}u; k += 4u) {
      let left = ${k}u - k;
      ${each(ROWS, (r) => `let a${r} = select(vec4f(), load_a(u32(max(at${r}, 0)) + k, left), at${r} >= 0);`)}
      ${transposed ? dots() : outer()}
    }
  }`
  return registerTiles({
    m,
    n,
    rows: ROWS,
    vectors,
    matrices: batches,
    types,
    wide: [wideA, wideB, wideC],
    functions: product.rowStart,
    body,
    more: product.more,
    finish: product.finish,
  })

  /** B is [k, n]: a value of A times four columns. */
  function outer(): string {
    return each(4, (j) =>
      each(vectors, (v) => {
        const column = `n0 + ${4 * v}u`
        const inside = `${k % 4 === 0 ? '' : `${j}u < left && `}${column} < ${n}u`
        return `{ let w = select(vec4f(), load_b(start + (k + ${j}u) * ${n}u + ${column}, select(0u, ${n}u - (${column}), ${inside})), ${inside});
        ${each(ROWS, (r) => `s${r}${v} += a${r}[${j}] * w;`)} }`
      }),
    )
  }

  /** B is [n, k]: products of vectors along k. */
  function dots(): string {
    return each(vectors, (v) =>
      each(4, (j) => {
        const column = `n0 + ${4 * v + j}u`
        return `{ let w = load_b(start + min(${column}, ${n - 1}u) * ${k}u + k, left);
        ${each(ROWS, (r) => `s${r}${v}[${j}] += dot(a${r}, w);`)} }`
      }),
    )
  }
}
