import * as tf from '@tensorflow/tfjs-core'
import { number } from './webgpu/batch-norm.js'
import { squaredLengths, updateInPlace } from './webgpu/update.js'
import { onWebgpu } from './webgpu/webgpu-backend.js'

/** Whether the current engine changes many variables in one pass, by the functions below: WebGPU. */
export function canFuseUpdates(): boolean {
  return onWebgpu()
}

/** A variable, its gradient, and whether its weight decays. */
export interface WeightUpdate {
  readonly variable: tf.Variable
  readonly gradient: tf.Tensor
  readonly decays: boolean
}

/**
 * SGD of many variables in a few passes: `g += weightDecay * w; b = momentum * b + g; w -= learningRate * b`, with Nesterov's
 * look-ahead if asked for. Requires `canFuseUpdates`.
 * @param updates each with its momentum buffer, where there is momentum
 */
export function fusedSgd(
  updates: readonly (WeightUpdate & { readonly buffer?: tf.Variable })[],
  learningRate: tf.Scalar,
  { momentum, nesterov, weightDecay }: Readonly<{ momentum: number; nesterov: boolean; weightDecay: number }>,
): void {
  const moves = momentum > 0
  updateInPlace(
    { name: 'Sgd', changed: moves ? ['w', 'b'] : ['w'], read: ['g'], scalars: { rate: learningRate } },
    updates.map(({ variable, gradient, buffer, decays }) => ({
      tensors: { w: variable, g: gradient, ...(moves && { b: buffer! }) },
      formula: `var g = f32($g)${decays && weightDecay > 0 ? ` + $w * ${number(weightDecay)}` : ''};
    ${moved(moves, momentum, nesterov)}
    $w -= g * $rate;`,
    })),
  )
}

/**
 * LARS of many variables in a few passes: adds up the squares of all weights and gradients, then updates as SGD with momentum, with
 * each adapted gradient multiplied by `trustCoefficient * |w| / (|g| + weightDecay * |w| + epsilon)`. Requires `canFuseUpdates`.
 * @param updates each with its momentum buffer, where there is momentum; `decays` says whether the gradient is adapted
 */
export function fusedLars(
  updates: readonly (WeightUpdate & { readonly buffer?: tf.Variable })[],
  learningRate: tf.Scalar,
  settings: Readonly<{
    momentum: number
    nesterov: boolean
    weightDecay: number
    trustCoefficient: number
    epsilon: number
  }>,
): void {
  const { momentum, nesterov, weightDecay, trustCoefficient, epsilon } = settings
  const moves = momentum > 0
  const adapted = updates.filter(({ decays }) => decays)
  tf.tidy(() => {
    const lengths =
      adapted.length > 0 && squaredLengths(adapted.flatMap(({ variable, gradient }) => [variable, gradient]))
    updateInPlace(
      {
        name: 'Lars',
        changed: moves ? ['w', 'b'] : ['w'],
        read: ['g'],
        scalars: { rate: learningRate, ...(lengths && { lengths }) },
      },
      updates.map((update) => {
        const { variable, gradient, buffer, decays } = update
        const at = 2 * adapted.indexOf(update)
        // Where the weights or the gradient are zero, the gradient is used as it is.
        const adapt = `let w_norm = sqrt($lengths[${at}]);
    let g_norm = sqrt($lengths[${at + 1}]);
    if (w_norm * g_norm > 0.0) {
      g = (g + $w * ${number(weightDecay)}) * (w_norm / (g_norm + w_norm * ${number(weightDecay)} + ${number(epsilon)}) * ${number(trustCoefficient)});
    }`
        return {
          tensors: { w: variable, g: gradient, ...(moves && { b: buffer! }) },
          formula: `var g = f32($g);
    ${decays ? adapt : ''}
    ${moved(moves, momentum, nesterov)}
    $w -= g * $rate;`,
        }
      }),
    )
  })
}

/** WGSL of momentum: `g` becomes the direction. */
function moved(moves: boolean, momentum: number, nesterov: boolean): string {
  if (!moves) return ''
  return `let b = $b * ${number(momentum)} + g; $b = b; g = ${nesterov ? `g + b * ${number(momentum)}` : 'b'};`
}

/**
 * The Euclidean length of all tensors together. Requires `canFuseUpdates`.
 * @returns scalar
 */
export function fusedNorm(tensors: readonly tf.Tensor[]): tf.Scalar {
  return tf.tidy(() => tf.sqrt(tf.sum(squaredLengths(tensors))) as tf.Scalar)
}

/**
 * AdamW of many variables in a few passes: means `m` and `s` of the gradient and its square,
 * `w = w * decay - rate * m / (sqrt(s) / root + epsilon)`. Requires `canFuseUpdates`.
 * @param scalars decay = 1 - learningRate * weightDecay; rate and root are corrected for the first steps
 */
export function fusedAdamw(
  updates: readonly (WeightUpdate & { readonly mean: tf.Variable; readonly square: tf.Variable })[],
  scalars: Readonly<Record<'rate' | 'root' | 'decay', tf.Tensor>>,
  { beta1, beta2, epsilon }: Readonly<Record<'beta1' | 'beta2' | 'epsilon', number>>,
): void {
  updateInPlace(
    { name: 'Adamw', changed: ['w', 'm', 's'], read: ['g'], scalars },
    updates.map(({ variable, gradient, mean, square, decays }) => ({
      tensors: { w: variable, m: mean, s: square, g: gradient },
      formula: `let g = f32($g);
    let m = $m * ${number(beta1)} + g * ${number(1 - beta1)};
    let s = $s * ${number(beta2)} + g * g * ${number(1 - beta2)};
    $m = m; $s = s;
    $w = $w${decays ? ' * $decay' : ''} - m / (sqrt(s) / $root + ${number(epsilon)}) * $rate;`,
    })),
  )
}

/** Exponential moving averages in a few passes: `a = momentum * a + (1 - momentum) * value`. Requires `canFuseUpdates`. */
export function fusedAverages(
  pairs: readonly { readonly average: tf.Variable; readonly value: tf.Tensor }[],
  momentum: tf.Scalar,
): void {
  updateInPlace(
    { name: 'Average', changed: ['a'], read: ['v'], scalars: { momentum } },
    pairs.map(({ average, value }) => ({
      tensors: { a: average, v: value },
      formula: '$a = $a * $momentum + f32($v) * (1.0 - $momentum);',
    })),
  )
}
