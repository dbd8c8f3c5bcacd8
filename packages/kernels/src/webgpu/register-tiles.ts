import { ARGUMENTS, bindings, type Dispatch, GROUP, WORKGROUP } from './dispatch.js'

/**
 * Matrices C[m, n], computed in tiles: each invocation keeps the sums of one tile in registers, as vectors of four columns. There
 * is no workgroup memory and so no barrier: neighbours read the same values from the cache.
 */
export interface RegisterTiles {
  /** of each matrix */
  readonly m: number
  readonly n: number
  /** of a tile */
  readonly rows: number
  readonly vectors: number
  /** number of matrices */
  readonly matrices: number
  /** types of A and B on the device, and whether each of A, B and C is bound as vectors of four */
  readonly types: readonly [string, string]
  readonly wide: readonly [boolean, boolean, boolean]
  /** WGSL of functions; `batch` is a variable that they may use */
  readonly functions: string
  /** WGSL that adds to the sums `s<row><vector>` of the tile at row `m0` and column `n0` of the matrix with number `matrix` */
  readonly body: string
  /** further buffers, bound after C, and WGSL that changes the sums of a row and vector before they are stored */
  readonly more?: Readonly<Record<string, string>>
  readonly finish?: (row: number, vector: number) => string
}

/** WGSL and workgroups; the bindings are A, B, C [matrices, m, n] and `more`. `load_a` and `load_b` load four values. */
export function registerTiles(tiles: RegisterTiles): Pick<Dispatch, 'code' | 'workgroups'> {
  const { m, n, rows, vectors, matrices, types, wide } = tiles
  const [rowTiles, columnTiles] = [Math.ceil(m / rows), Math.ceil(n / (4 * vectors))]
  const threads = rowTiles * columnTiles * matrices
  const [wideA, wideB, wideC] = wide
  const code = `${bindings({
    a: wideA ? 'vec4f' : types[0],
    b: wideB ? 'vec4f' : types[1],
    c: wideC ? '=vec4f' : '=f32',
    ...tiles.more,
  })}
${loadFour('a', wideA)}
${loadFour('b', wideB)}
var<private> batch: u32;
${tiles.functions}
@compute @workgroup_size(${WORKGROUP})
fn main(${ARGUMENTS}) {
  let i = ${GROUP} * ${WORKGROUP}u + local;
  if (i >= ${threads}u) { return; }
  let n0 = (i % ${columnTiles}u) * ${4 * vectors}u;
  let m0 = ((i / ${columnTiles}u) % ${rowTiles}u) * ${rows}u;
  let matrix = i / ${columnTiles * rowTiles}u;
  ${each(rows, (r) => each(vectors, (v) => `var s${r}${v} = vec4f();`))}
  ${tiles.body}
  ${each(rows, (r) => each(vectors, (v) => tiles.finish?.(r, v) ?? ''))}
  let first = (matrix * ${m}u + m0) * ${n}u + n0;
  ${each(rows, (r) =>
    each(vectors, (v) => {
      const inside = `m0 + ${r}u < ${m}u && n0 + ${4 * v}u`
      const at = `first + ${r * n + 4 * v}u`
      if (wideC) return `if (${inside} < ${n}u) { c[(${at}) / 4u] = s${r}${v}; }`
      return each(4, (j) => `if (${inside} + ${j}u < ${n}u) { c[${at} + ${j}u] = s${r}${v}[${j}]; }`)
    }),
  )}
}`
  return { code, workgroups: Math.ceil(threads / WORKGROUP) }
}

/** Lines of WGSL, one for each number below `count`. */
export function each(count: number, text: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => text(i)).join('\n')
}

/** WGSL of `load_x(at, left)`: four values from an element on, zeros after `left` of them. */
function loadFour(name: string, wide: boolean): string {
  const signature = `fn load_${name}(at: u32, left: u32) -> vec4f`
  if (wide) return `${signature} { return ${name}[at / 4u]; }`
  const values = [0, 1, 2, 3].map((j) => `select(0.0, f32(${name}[at + ${j}u]), left > ${j}u)`)
  return `${signature} { return vec4f(${values.join(', ')}); }`
}
