import { STREAM_STEPS, WORD_FACTORS } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { dispatch, elementwise } from './dispatch.js'
import { logarithm, ofTurns } from './elementary-functions.js'
import type { WebgpuBackend } from './webgpu-backend.js'

/**
 * Whether few random numbers are drawn on the host, because the seed is there and so are the operations that use them:
 * TensorFlow.js computes small tensors on the host as long as all of them are there.
 */
export function drawnOnHost(backend: WebgpuBackend, seed: tf.TensorInfo, count: number): boolean {
  const { values, resource } = backend.tensorMap.get(seed.dataId)
  const forwarding = tf.env().getBool('WEBGPU_CPU_FORWARD')
  return (
    forwarding && !!values && !resource && count < tf.env().getNumber('WEBGPU_CPU_HANDOFF_SIZE_THRESHOLD')
  )
}

/** Random numbers of a seed on the device: the bits of `uniforms` of @selfsup/core, and `normals` to float32's precision. */
export function drawnOnDevice(
  backend: WebgpuBackend,
  seed: tf.TensorInfo,
  shape: readonly number[],
  distribution: 'uniform' | 'normal',
): tf.TensorInfo {
  const out = backend.makeTensorInfo(shape, 'float32')
  const count = tf.util.sizeFromShape([...shape])
  const blocks = Math.ceil(count / 4)
  dispatch(backend, {
    name: distribution === 'uniform' ? 'RandomUniform' : 'RandomNormal',
    tensors: [seed, out],
    ...elementwise(
      { seed: 'i32', y: '=f32' },
      blocks,
      `let key = philox(vec4u(widened(seed[0]), widened(seed[1])), vec2u(0x3ec8f720u, 0x02461e29u));
  let words = philox(vec4u(i, 0u, key.z, key.w), key.xy);
  let u = bitcast<vec4f>((words & vec4u(0x7fffffu)) | vec4u(0x3f800000u)) - 1.0;
  let x = ${distribution === 'uniform' ? 'u' : 'vec4f(normal_pair(u.xy), normal_pair(u.zw))'};
  for (var j = 0u; j < min(4u, ${count}u - 4u * i); j++) { y[4u * i + j] = x[j]; }`,
      PHILOX + (distribution === 'uniform' ? '' : BOX_MULLER),
    ),
  })
  return out
}

/** The seed of a stream on the device: `derive` of @selfsup/core. */
export function foldedOnDevice(backend: WebgpuBackend, seed: tf.TensorInfo, stream: number): tf.TensorInfo {
  const out = backend.makeTensorInfo([2], 'int32')
  const moved = STREAM_STEPS.map((step, word) => {
    const offset = Math.imul(stream + 1, step) >>> 0
    return `let m${word} = bitcast<u32>(seed[${word}]) + ${offset}u; let x${word} = m${word} * (2u * m${word} + 1u);`
  })
  const words = WORD_FACTORS.map(
    (factor, word) => `y[${word}] = bitcast<i32>(x${word} * ${factor >>> 0}u + x${1 - word});`,
  )
  const body = [...moved, ...words].join('\n  ')
  dispatch(backend, {
    name: 'FoldIn',
    tensors: [seed, out],
    ...elementwise({ seed: 'i32', y: '=i32' }, 1, body),
  })
  return out
}

/** Philox 4x32-10 (Salmon et al. 2011). */
const PHILOX = `
fn multiply_high(a: u32, b: u32) -> u32 {
  let middle = (a >> 16u) * (b & 0xffffu) + (((a & 0xffffu) * (b & 0xffffu)) >> 16u);
  let cross = (a & 0xffffu) * (b >> 16u) + (middle & 0xffffu);
  return (a >> 16u) * (b >> 16u) + (middle >> 16u) + (cross >> 16u);
}
fn philox(counter: vec4u, first: vec2u) -> vec4u {
  var c = counter;
  var key = first;
  for (var round = 0u; round < 10u; round++) {
    c = vec4u(
      multiply_high(c.z, 0xcd9e8d57u) ^ c.y ^ key.x, c.z * 0xcd9e8d57u,
      multiply_high(c.x, 0xd2511f53u) ^ c.w ^ key.y, c.x * 0xd2511f53u);
    key += vec2u(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}
fn widened(word: i32) -> vec2u { return vec2u(bitcast<u32>(word), select(0u, 0xffffffffu, word < 0)); }
`

const BOX_MULLER = `${logarithm}${ofTurns}
fn normal_pair(u: vec2f) -> vec2f {
  let radius = sqrt(-2.0 * logarithm(max(u.x, 1e-7)));
  return radius * vec2f(sine_of_turns(u.y), cosine_of_turns(u.y));
}
`
