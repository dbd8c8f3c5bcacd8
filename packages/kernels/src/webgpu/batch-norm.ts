import type * as tf from '@tensorflow/tfjs-core'
import { dispatch, elementwise, storedType } from './dispatch.js'
import type { WebgpuBackend } from './webgpu-backend.js'

/** Rows of which one invocation sums a channel, at least; and how many parts a channel's sum has, at most. */
const SHORTEST = 16
const MOST_PARTS = 256

interface Sizes {
  readonly rows: number
  readonly channels: number
  readonly parts: number
  /** rows in each part but the last */
  readonly length: number
}

function sizesOf(x: tf.TensorInfo): Sizes {
  const channels = x.shape.at(-1)!
  const rows = x.shape.reduce((product, length) => product * length, 1) / channels
  const parts = Math.min(MOST_PARTS, Math.ceil(rows / SHORTEST))
  const length = Math.ceil(rows / parts)
  return { rows, channels, parts: Math.ceil(rows / length), length }
}

/** WGSL of a loop over the rows of one part of a channel; `at` is the value's number. */
function overPart({ rows, channels, length }: Sizes, before: string, body: string, after: string): string {
  return `let channel = i % ${channels}u;
  let part = i / ${channels}u;
  let end = min(${rows}u, (part + 1u) * ${length}u);
  var at = part * ${length}u * ${channels}u + channel;
  ${before}
  for (var row = part * ${length}u; row < end; row++) {
    ${body}
    at += ${channels}u;
  }
  ${after}`
}

/**
 * Batch normalisation, with the rectifier if asked for: one pass for sums of parts of each channel, one over these, and one
 * over the values.
 * @returns y, mean, unbiased variance, 1 / standard deviation
 */
export function batchNormForward(
  backend: WebgpuBackend,
  { x, gamma, beta }: Readonly<Record<'x' | 'gamma' | 'beta', tf.TensorInfo>>,
  { epsilon, rectify }: { readonly epsilon: number; readonly rectify: boolean },
): tf.TensorInfo[] {
  const sizes = sizesOf(x)
  const { rows, channels, parts, length } = sizes
  const make = (...shape: number[]) => backend.makeTensorInfo(shape, 'float32')
  const type = storedType(backend, x)
  const y = make(...x.shape)
  const [mean, variance, inverse, scale, shift] = [1, 2, 3, 4, 5].map(() => make(channels)) as [
    tf.TensorInfo,
    tf.TensorInfo,
    tf.TensorInfo,
    tf.TensorInfo,
    tf.TensorInfo,
  ]
  const sums = make(parts, channels, 2)
  // Sums of differences from a value of the part lose no digits where the mean is large.
  dispatch(backend, {
    name: 'BatchNormSums',
    tensors: [x, sums],
    ...elementwise(
      { x: type, sums: '=vec2f' },
      parts * channels,
      overPart(
        sizes,
        'let first = f32(x[at]); var sum = 0.0; var squares = 0.0;',
        'let d = f32(x[at]) - first; sum += d; squares += d * d;',
        `let n = f32(end - part * ${length}u);
  sums[i] = vec2f(first + sum / n, max(0.0, squares - sum * sum / n));`,
      ),
    ),
  })
  // Chan et al. 1979: means and squares of two parts give those of both.
  dispatch(backend, {
    name: 'BatchNormStatistics',
    tensors: [sums, gamma, beta, mean, variance, inverse, scale, shift],
    ...elementwise(
      {
        sums: 'vec2f',
        gamma: 'f32',
        beta: 'f32',
        mean: '=f32',
        variance: '=f32',
        inverse: '=f32',
        scale: '=f32',
        shift: '=f32',
      },
      channels,
      `var m = 0.0; var squares = 0.0; var n = 0.0;
  for (var part = 0u; part < ${parts}u; part++) {
    let s = sums[part * ${channels}u + i];
    let more = f32(min(${rows}u, (part + 1u) * ${length}u) - part * ${length}u);
    let d = s.x - m;
    m += d * more / (n + more);
    squares += s.y + d * d * n * more / (n + more);
    n += more;
  }
  let r = 1.0 / sqrt(squares / n + ${number(epsilon)});
  mean[i] = m;
  variance[i] = squares / (n - 1.0);
  inverse[i] = r;
  scale[i] = gamma[i] * r;
  shift[i] = beta[i];`,
    ),
  })
  const value = `(f32(x[i]) - mean[c]) * scale[c] + shift[c]`
  dispatch(backend, {
    name: 'BatchNorm',
    tensors: [x, mean, scale, shift, y],
    ...elementwise(
      { x: type, mean: 'f32', scale: 'f32', shift: 'f32', y: '=f32' },
      rows * channels,
      `let c = i % ${channels}u;
  y[i] = ${rectify ? `max(0.0, ${value})` : value};`,
    ),
  })
  for (const { dataId } of [sums, scale, shift]) backend.disposeData(dataId)
  return [y, mean, variance, inverse]
}

/**
 * Gradients of x, gamma and beta, in three passes.
 * @param rectify whether y was rectified: then dy counts where y is above 0
 */
export function batchNormBackward(
  backend: WebgpuBackend,
  tensors: Readonly<Record<'dy' | 'x' | 'gamma' | 'beta' | 'mean' | 'inverse', tf.TensorInfo>>,
  { rectify }: { readonly rectify: boolean },
): [tf.TensorInfo, tf.TensorInfo, tf.TensorInfo] {
  const { dy, x, gamma, beta, mean, inverse } = tensors
  const sizes = sizesOf(x)
  const { rows, channels, parts } = sizes
  const make = (...shape: number[]) => backend.makeTensorInfo(shape, 'float32')
  const [dx, dGamma, dBeta, sums] = [
    make(...x.shape),
    make(channels),
    make(channels),
    make(parts, channels, 2),
  ]
  const inputs = {
    dy: storedType(backend, dy),
    x: storedType(backend, x),
    gamma: 'f32',
    beta: 'f32',
    mean: 'f32',
    inverse: 'f32',
  }
  const given = [dy, x, gamma, beta, mean, inverse]
  const signal = (at: string, c: string) => `let hat = (f32(x[${at}]) - mean[${c}]) * inverse[${c}];
    let g = ${rectify ? `select(0.0, f32(dy[${at}]), hat * gamma[${c}] + beta[${c}] > 0.0)` : `f32(dy[${at}])`};`
  // Bindings that a program does not use would be left out of its layout.
  const used = `_ = beta[0]; _ = gamma[0]; _ = inverse[0]; _ = mean[0];`
  dispatch(backend, {
    name: 'BatchNormGradientSums',
    tensors: [...given, sums],
    ...elementwise(
      { ...inputs, sums: '=vec2f' },
      parts * channels,
      overPart(
        sizes,
        `${used} var of_beta = 0.0; var of_gamma = 0.0;`,
        `${signal('at', 'channel')} of_beta += g; of_gamma += g * hat;`,
        'sums[i] = vec2f(of_beta, of_gamma);',
      ),
    ),
  })
  dispatch(backend, {
    name: 'BatchNormGradientTotals',
    tensors: [sums, dGamma, dBeta],
    ...elementwise(
      { sums: 'vec2f', d_gamma: '=f32', d_beta: '=f32' },
      channels,
      `var total = vec2f();
  for (var part = 0u; part < ${parts}u; part++) { total += sums[part * ${channels}u + i]; }
  d_beta[i] = total.x;
  d_gamma[i] = total.y;`,
    ),
  })
  dispatch(backend, {
    name: 'BatchNormGradient',
    tensors: [...given, dGamma, dBeta, dx],
    ...elementwise(
      { ...inputs, d_gamma: 'f32', d_beta: 'f32', dx: '=f32' },
      rows * channels,
      `let c = i % ${channels}u;
  ${used}
  ${signal('i', 'c')}
  dx[i] = gamma[c] * inverse[c] * (g - (d_beta[c] + hat * d_gamma[c]) / ${rows}.0);`,
    ),
  })
  backend.disposeData(sums.dataId)
  return [dx, dGamma, dBeta]
}

/** A number as WGSL writes it. */
export function number(value: number): string {
  return `f32(${Math.fround(value)})`
}
