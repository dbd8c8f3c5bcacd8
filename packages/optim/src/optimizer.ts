import { assertSameShape, expected } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'

/** Variables by the names under which a checkpoint holds what belongs to them. */
export type Variables = Readonly<Record<string, tf.Variable>>

/**
 * Updates variables from gradients, in TensorFlow.js operations only: a step that calls `apply` can be
 * traced once and run as one graph. The state lies in variables that are there from construction.
 */
export interface Optimizer {
  /** the state, for a checkpoint: named `<variable>/<slot>`, and `<slot>` for what all variables share */
  readonly slots: Variables
  /**
   * Updates the variables that `gradients` names; the others, and their slots, stay as they are.
   * @param gradients by the variables' names, each of its variable's shape
   * @param schedule values that change from step to step, as tensors
   * @throws SelfsupError for a name without a variable, ShapeError for another shape
   */
  apply(gradients: Readonly<Record<string, tf.Tensor>>, schedule: { readonly learningRate: tf.Scalar }): void
  /** frees the state; the variables themselves are the caller's */
  dispose(): void
}

/** Whether an optimiser leaves a variable out of weight decay (and LARS out of its adaptation). */
export type Exclude = (name: string, variable: tf.Variable) => boolean

/** Biases, and scales and offsets of normalisations: everything with at most one axis. */
export function biasesAndNorms(_name: string, variable: tf.Variable): boolean {
  return variable.rank <= 1
}

/** Nothing is left out. */
export function nothing(): boolean {
  return false
}

/** A variable of zeros for each of the given, by the same names. */
export function zerosFor(variables: Variables): Record<string, tf.Variable> {
  const zeros: Record<string, tf.Variable> = {}
  for (const [name, { shape, dtype }] of Object.entries(variables)) {
    tf.tidy(() => {
      zeros[name] = tf.variable(tf.zeros(shape, dtype), false)
    })
  }
  return zeros
}

/** The same variables under the names of slots: `<variable>/<slot>`. */
export function named(slot: string, variables: Variables): Record<string, tf.Variable> {
  return Object.fromEntries(
    Object.entries(variables).map(([name, variable]) => [`${name}/${slot}`, variable]),
  )
}

/** Scalars that outlive every tidy: made once, so that no step has to send a number to the device. */
export function constants<Name extends string>(values: Record<Name, number>): Record<Name, tf.Scalar> {
  const scalars = {} as Record<Name, tf.Scalar>
  for (const name in values) scalars[name] = tf.keep(tf.scalar(values[name]))
  return scalars
}

/** Each gradient with its variable, checked. */
export function updates(
  where: string,
  variables: Variables,
  gradients: Readonly<Record<string, tf.Tensor>>,
): { name: string; variable: tf.Variable; gradient: tf.Tensor }[] {
  return Object.entries(gradients).map(([name, gradient]) => {
    const variable = variables[name]
    expected(variable, `${where}: there is a gradient for '${name}' but no such variable`)
    assertSameShape(`${where}: '${name}'`, { variable, gradient })
    return { name, variable, gradient }
  })
}

/** Frees each of the given tensors and variables. */
export function disposeAll(...groups: Readonly<Record<string, tf.Tensor>>[]): void {
  for (const group of groups) tf.dispose(Object.values(group))
}
