import { assertSameShape, expected } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'

/** Variables by name. A checkpoint stores them under these names. */
export type Variables = Readonly<Record<string, tf.Variable>>

/**
 * Updates variables from gradients. Uses TensorFlow.js operations only, so that a step that calls `apply` can be captured
 * once and run as one graph. The state is in variables that are created at construction.
 */
export interface Optimizer {
  /** the state, for a checkpoint: named `<variable>/<slot>`, or `<slot>` if all variables share it */
  readonly slots: Variables
  /**
   * Updates the variables named in `gradients`. Other variables and their slots do not change.
   * @param gradients by variable name, each with its variable's shape
   * @param schedule values that change between steps, as tensors
   * @throws SelfsupError for a name without a variable, ShapeError for a different shape
   */
  apply(gradients: Readonly<Record<string, tf.Tensor>>, schedule: { readonly learningRate: tf.Scalar }): void
  /** Frees the state, but not the variables. */
  dispose(): void
}

/** Whether to exclude a variable from weight decay (and from LARS's scaling). */
export type Exclude = (name: string, variable: tf.Variable) => boolean

/** Excludes biases, and scales and offsets of normalisations: all variables with at most one axis. */
export function biasesAndNorms(_name: string, variable: tf.Variable): boolean {
  return variable.rank <= 1
}

/** Excludes no variables. */
export function noVariables(): boolean {
  return false
}

/** Creates a variable of zeros for each variable, with the same names. */
export function zerosFor(variables: Variables): Record<string, tf.Variable> {
  const zeros: Record<string, tf.Variable> = {}
  for (const [name, { shape, dtype }] of Object.entries(variables)) {
    tf.tidy(() => {
      zeros[name] = tf.variable(tf.zeros(shape, dtype), false)
    })
  }
  return zeros
}

/** The same variables with slot names: `<variable>/<slot>`. */
export function named(slot: string, variables: Variables): Record<string, tf.Variable> {
  return Object.fromEntries(
    Object.entries(variables).map(([name, variable]) => [`${name}/${slot}`, variable]),
  )
}

/** Creates scalars that outlive every tidy, so that steps do not copy numbers to the device. */
export function constants<Name extends string>(values: Record<Name, number>): Record<Name, tf.Scalar> {
  const scalars = {} as Record<Name, tf.Scalar>
  for (const name in values) scalars[name] = tf.keep(tf.scalar(values[name]))
  return scalars
}

/** Pairs each gradient with its variable and checks both. */
export function updates(
  where: string,
  variables: Variables,
  gradients: Readonly<Record<string, tf.Tensor>>,
): { name: string; variable: tf.Variable; gradient: tf.Tensor }[] {
  return Object.entries(gradients).map(([name, gradient]) => {
    const variable = variables[name]
    expected(variable, `${where}: there is a gradient for '${name}', but no variable of that name`)
    assertSameShape(`${where}: '${name}'`, { variable, gradient })
    return { name, variable, gradient }
  })
}

/** Frees tensors and variables. */
export function disposeAll(...groups: Readonly<Record<string, tf.Tensor>>[]): void {
  for (const group of groups) tf.dispose(Object.values(group))
}
