import type * as tf from '@tensorflow/tfjs-core'
import { number } from './webgpu/batch-norm.js'
import { updateInPlace } from './webgpu/update.js'
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
    ${moves ? `let b = $b * ${number(momentum)} + g; $b = b; g = ${nesterov ? `g + b * ${number(momentum)}` : 'b'};` : ''}
    $w -= g * $rate;`,
    })),
  )
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
