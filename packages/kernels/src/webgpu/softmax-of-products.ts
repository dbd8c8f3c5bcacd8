import * as tf from '@tensorflow/tfjs-core'
import { accumulate } from '../info-nce-blocks.js'
import { dispatch, elementwise, storedType } from './dispatch.js'
import { each } from './register-tiles.js'
import { tiledProduct } from './tiled-product.js'
import { webgpuBackend } from './webgpu-backend.js'

/** Queries of which one invocation keeps the sums, and invocations that keep a device busy. */
const ROWS = 4
const ENOUGH = 16_384
const FEWEST_KEYS = 64
/** Values of the matrix that are in memory at a time, for gradients: 16 MiB. */
const MOST_VALUES = 2 ** 22

/**
 * log(sum over j of exp(q_i . k_j)) with a running maximum and sum in registers: no product is written to memory.
 * @param queries [queries, features]
 * @param keys [keys, features]
 * @param excludeSelf leave out j = i
 * @returns [queries]
 */
export function logSumExpOnWebgpu(
  queries: tf.Tensor2D,
  keys: tf.Tensor2D,
  excludeSelf: boolean,
): tf.Tensor1D {
  const backend = webgpuBackend()
  const [rows, features] = queries.shape
  const columns = keys.shape[0]
  for (const { dataId } of [queries, keys]) backend.uploadToGPU(dataId)
  const types = [storedType(backend, queries), storedType(backend, keys)] as const
  const wide = features % 4 === 0 && types.every((type) => type === 'f32')
  const tiles = Math.ceil(rows / ROWS)
  const parts = Math.max(1, Math.min(Math.ceil(ENOUGH / tiles), Math.floor(columns / FEWEST_KEYS)))
  const length = 4 * Math.ceil(columns / parts / 4)
  const partial = backend.makeTensorInfo([parts, rows, 2], 'float32')
  const load = (name: string, row: string) =>
    wide
      ? `${name}[(${row} * ${features}u + f) / 4u]`
      : `vec4f(${[0, 1, 2, 3].map((j) => `select(0.0, f32(${name}[${row} * ${features}u + f + ${j}u]), f + ${j}u < ${features}u)`).join(', ')})`
  const outside = (i: string) =>
    `(j + vec4u(0u, 1u, 2u, 3u) >= vec4u(end))${excludeSelf ? ` | (j + vec4u(0u, 1u, 2u, 3u) == vec4u(${i}))` : ''}`
  dispatch(backend, {
    name: 'LogSumExp',
    tensors: [queries, keys, partial],
    ...elementwise(
      { q: wide ? 'vec4f' : types[0], k: wide ? 'vec4f' : types[1], y: '=vec2f' },
      tiles * parts,
      `let first = (i % ${tiles}u) * ${ROWS}u;
  let part = i / ${tiles}u;
  let end = min(${columns}u, (part + 1u) * ${length}u);
  ${each(ROWS, (r) => `var m${r} = -1e38; var t${r} = 0.0; let row${r} = min(first + ${r}u, ${rows - 1}u);`)}
  for (var j = part * ${length}u; j < end; j += 4u) {
    ${each(ROWS, (r) => `var s${r} = vec4f();`)}
    for (var f = 0u; f < ${features}u; f += 4u) {
      ${each(ROWS, (r) => `let q${r} = ${load('q', `row${r}`)};`)}
      ${each(4, (c) => `{ let w = ${load('k', `min(j + ${c}u, ${columns - 1}u)`)}; ${each(ROWS, (r) => `s${r}[${c}] = s${r}[${c}] + dot(q${r}, w);`)} }`)}
    }
    ${each(
      ROWS,
      (r) => `{
      let out = ${outside(`row${r}`)};
      let s = select(s${r}, vec4f(-1e38), out);
      let m = max(m${r}, max(max(s.x, s.y), max(s.z, s.w)));
      t${r} = t${r} * exp(m${r} - m) + dot(select(exp(s - m), vec4f(), out), vec4f(1.0));
      m${r} = m;
    }`,
    )}
  }
  ${each(ROWS, (r) => `if (first + ${r}u < ${rows}u) { y[part * ${rows}u + first + ${r}u] = vec2f(m${r}, t${r}); }`)}`,
    ),
  })
  const out = backend.makeTensorInfo([rows], 'float32')
  dispatch(backend, {
    name: 'LogSumExpOfParts',
    tensors: [partial, out],
    ...elementwise(
      { x: 'vec2f', y: '=f32' },
      rows,
      `var m = -1e38; var t = 0.0;
  for (var part = 0u; part < ${parts}u; part++) {
    let x = x[part * ${rows}u + i];
    let highest = max(m, x.x);
    t = t * exp(m - highest) + x.y * exp(x.x - highest);
    m = highest;
  }
  y[i] = m + log(t);`,
    ),
  })
  backend.disposeData(partial.dataId)
  return tf.engine().makeTensorFromTensorInfo(out) as tf.Tensor1D
}

/**
 * Gradients of `logSumExpOnWebgpu`: blocks of the softmax are computed in one pass each and multiplied by keys and queries.
 * @param dy [queries]
 * @param logSums [queries], the result
 * @param options.constantKeys no gradient of the keys
 * @returns gradients of the queries and, unless they are constant, the keys
 */
export function logSumExpGradients(
  dy: tf.Tensor1D,
  queries: tf.Tensor2D,
  keys: tf.Tensor2D,
  logSums: tf.Tensor1D,
  { excludeSelf, constantKeys }: { readonly excludeSelf: boolean; readonly constantKeys: boolean },
): [tf.Tensor2D, tf.Tensor2D | undefined] {
  return tf.tidy(() => {
    const ofQueries: tf.Tensor2D[] = []
    let ofKeys: tf.Tensor2D | undefined
    for (const [start, end] of blocks(queries.shape[0], keys.shape[0])) {
      const [ofQuery, part] = tf.tidy(() => {
        const tile = softmaxOfProducts(queries, keys, {
          dy,
          logSums,
          start,
          end,
          excludeSelf,
          mirrored: false,
        })
        const own = tf.matMul(tile, keys) as tf.Tensor2D
        return constantKeys
          ? [own]
          : [own, tf.matMul(tile, tf.slice(queries, [start, 0], [end - start, -1]), true) as tf.Tensor2D]
      })
      ofQueries.push(ofQuery!)
      if (part) ofKeys = accumulate(ofKeys, part)
    }
    return [tf.concat(ofQueries), ofKeys]
  })
}

/** The gradient of `logSumExpOnWebgpu(z, z, true)` with respect to z as queries and keys. */
export function logSumExpGradientOfPairs(dy: tf.Tensor1D, z: tf.Tensor2D, logSums: tf.Tensor1D): tf.Tensor2D {
  return tf.tidy(() => {
    const rows = blocks(z.shape[0], z.shape[0]).map(([start, end]) =>
      tf.tidy(() => {
        const tile = softmaxOfProducts(z, z, { dy, logSums, start, end, excludeSelf: true, mirrored: true })
        return tf.matMul(tile, z) as tf.Tensor2D
      }),
    )
    return tf.concat(rows)
  })
}

/** Rows from start to before end, of which a block has few enough values. */
function blocks(rows: number, columns: number): (readonly [number, number])[] {
  const count = Math.ceil((rows * columns) / MOST_VALUES)
  const size = Math.ceil(rows / count)
  return Array.from({ length: Math.ceil(rows / size) }, (_, i) => [i * size, Math.min(rows, (i + 1) * size)])
}

/**
 * dy_i exp(q_i . k_j - logSums_i) for a block of rows i and all j; `mirrored` adds the same with i and j exchanged.
 * @returns [end - start, keys]
 */
function softmaxOfProducts(
  queries: tf.Tensor2D,
  keys: tf.Tensor2D,
  {
    dy,
    logSums,
    start,
    end,
    excludeSelf,
    mirrored,
  }: {
    readonly dy: tf.Tensor1D
    readonly logSums: tf.Tensor1D
    readonly start: number
    readonly end: number
    readonly excludeSelf: boolean
    readonly mirrored: boolean
  },
): tf.Tensor2D {
  const backend = webgpuBackend()
  const [, features] = queries.shape
  const columns = keys.shape[0]
  const out = backend.makeTensorInfo([end - start, columns], 'float32')
  for (const { dataId } of [queries, keys, dy, logSums]) backend.uploadToGPU(dataId)
  const finish = (r: number, v: number) => `{
    let i = min(${start}u + m0 + ${r}u, ${end - 1}u);
    let j = n0 + ${4 * v}u + vec4u(0u, 1u, 2u, 3u);
    let x = s${r}${v};
    var p = f32(dy[i]) * exp(x - f32(log_sums[i]));
    ${mirrored ? each(4, (c) => `{ let at = min(j[${c}], ${columns - 1}u); p[${c}] += f32(dy[at]) * exp(x[${c}] - f32(log_sums[at])); }`) : ''}
    s${r}${v} = ${excludeSelf ? 'select(p, vec4f(), j == vec4u(i))' : 'p'};
  }`
  const program = tiledProduct({
    m: end - start,
    n: columns,
    k: features,
    taps: 1,
    rowStart: `fn row_start(m: u32, tap: u32) -> i32 { return i32((${start}u + m) * ${features}u); }`,
    tapStart: '0u',
    transposed: true,
    types: [storedType(backend, queries), storedType(backend, keys)],
    more: { dy: storedType(backend, dy), log_sums: storedType(backend, logSums) },
    finish,
  })
  dispatch(backend, {
    name: 'SoftmaxOfProducts',
    tensors: [queries, keys, out, dy, logSums],
    ...program,
  })
  return tf.engine().makeTensorFromTensorInfo(out) as tf.Tensor2D
}
