import type * as tf from '@tensorflow/tfjs-core'
import { dispatch, elementwise, storedType } from './dispatch.js'
import { each } from './register-tiles.js'
import type { WebgpuBackend } from './webgpu-backend.js'

/** Invocations that keep a device busy, and the fewest keys of each. */
const ENOUGH = 16_384
const FEWEST_KEYS = 256

/**
 * The k largest products of each query with all keys, largest first; of equal ones the key that comes first. The products are not
 * written to memory: each invocation keeps the best of one query and a part of the keys, and a second pass merges the parts.
 * @param k at most the number of keys; the list is in registers
 * @returns values float32 and indices int32, each [queries, k]
 */
export function topKOnWebgpu(
  backend: WebgpuBackend,
  queries: tf.Tensor2D,
  keys: tf.Tensor2D,
  k: number,
): { readonly values: tf.TensorInfo; readonly indices: tf.TensorInfo } {
  const [rows, features] = queries.shape
  const columns = keys.shape[0]
  for (const { dataId } of [queries, keys]) backend.uploadToGPU(dataId)
  const types = [storedType(backend, queries), storedType(backend, keys)] as const
  const wide = features % 4 === 0 && types.every((type) => type === 'f32')
  const parts = Math.max(1, Math.min(Math.ceil(ENOUGH / rows), Math.floor(columns / FEWEST_KEYS)))
  const length = Math.ceil(columns / parts)
  const make = (...shape: number[]) => [
    backend.makeTensorInfo(shape, 'float32'),
    backend.makeTensorInfo(shape, 'int32'),
  ]
  const [values, indices] = make(rows, k) as [tf.TensorInfo, tf.TensorInfo]
  const [partValues, partIndices] = (parts === 1 ? [values, indices] : make(parts, rows, k)) as [
    tf.TensorInfo,
    tf.TensorInfo,
  ]
  const load = (name: string, row: string) =>
    wide
      ? `${name}[(${row} * ${features}u + f) / 4u]`
      : `vec4f(${[0, 1, 2, 3].map((j) => `select(0.0, f32(${name}[${row} * ${features}u + f + ${j}u]), f + ${j}u < ${features}u)`).join(', ')})`
  const list = listOf(k)
  dispatch(backend, {
    name: 'TopKOfProducts',
    tensors: [queries, keys, partValues, partIndices],
    ...elementwise(
      {
        q: wide ? 'vec4f' : types[0],
        keys: wide ? 'vec4f' : types[1],
        values: '=f32',
        indices: '=i32',
      },
      parts * rows,
      `let row = i % ${rows}u;
  let end = min(${columns}u, (i / ${rows}u + 1u) * ${length}u);
  clear();
  for (var j = (i / ${rows}u) * ${length}u; j < end; j += 4u) {
    var s = vec4f();
    for (var f = 0u; f < ${features}u; f += 4u) {
      let a = ${load('q', 'row')};
      ${each(4, (c) => `s[${c}] = s[${c}] + dot(a, ${load('keys', `min(j + ${c}u, ${columns - 1}u)`)});`)}
    }
    ${each(4, (c) => `if (j + ${c}u < end) { insert(s[${c}], i32(j + ${c}u)); }`)}
  }
  for (var n = 0u; n < ${k}u; n++) { values[i * ${k}u + n] = best[n]; indices[i * ${k}u + n] = place[n]; }`,
      list,
    ),
  })
  if (parts > 1) {
    dispatch(backend, {
      name: 'TopKOfParts',
      tensors: [partValues, partIndices, values, indices],
      ...elementwise(
        { from_values: 'f32', from_indices: 'i32', values: '=f32', indices: '=i32' },
        rows,
        `clear();
  for (var part = 0u; part < ${parts}u; part++) {
    for (var n = 0u; n < ${k}u; n++) {
      let at = (part * ${rows}u + i) * ${k}u + n;
      if (from_indices[at] < 0) { break; }
      insert(from_values[at], from_indices[at]);
    }
  }
  for (var n = 0u; n < ${k}u; n++) { values[i * ${k}u + n] = best[n]; indices[i * ${k}u + n] = place[n]; }`,
        list,
      ),
    })
    for (const { dataId } of [partValues, partIndices]) backend.disposeData(dataId)
  }
  return { values, indices }
}

/** WGSL of a list of the k largest values with their places, -1 for none. */
function listOf(k: number): string {
  return `var<private> best: array<f32, ${k}>;
var<private> place: array<i32, ${k}>;
var<private> held: u32;
fn clear() {
  held = 0u;
  for (var n = 0u; n < ${k}u; n++) { best[n] = 0.0; place[n] = -1; }
}
fn insert(value: f32, at: i32) {
  if (held == ${k}u && !(value > best[${k - 1}])) { return; }
  held = min(held + 1u, ${k}u);
  var n = held - 1u;
  while (n > 0u && value > best[n - 1u]) {
    best[n] = best[n - 1u];
    place[n] = place[n - 1u];
    n--;
  }
  best[n] = value;
  place[n] = at;
}`
}
