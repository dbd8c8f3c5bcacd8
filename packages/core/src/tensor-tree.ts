import * as tf from '@tensorflow/tfjs-core'
import { SelfsupError } from './errors.js'

/** A value split into its tensors and the structure that contains them. */
export interface TensorTree {
  readonly tensors: tf.Tensor[]
  /** everything except the tensors' values, as text; values with the same form differ only in the tensors' values */
  readonly form: string
  /** The same value with its tensors replaced by these. */
  with(tensors: readonly tf.Tensor[]): unknown
}

/**
 * Extracts the tensors of a value: a tensor, a plain value, or arrays and objects of these.
 * @throws SelfsupError for anything else, such as a function or a class instance
 */
export function tensorTree(value: unknown): TensorTree {
  const tensors: tf.Tensor[] = []
  const form: string[] = []
  const rebuild = walk(value, tensors, form)
  return { tensors, form: form.join(''), with: rebuild }
}

type Rebuild = (tensors: readonly tf.Tensor[]) => unknown

function walk(value: unknown, tensors: tf.Tensor[], form: string[]): Rebuild {
  if (value instanceof tf.Tensor) {
    const index = tensors.push(value) - 1
    form.push(`${value.dtype}[${value.shape}]`)
    return (others) => others[index]
  }
  if (Array.isArray(value)) {
    form.push('(')
    const parts = value.map((part) => {
      const rebuild = walk(part, tensors, form)
      form.push(',')
      return rebuild
    })
    form.push(')')
    return (others) => parts.map((rebuild) => rebuild(others))
  }
  if (isPlain(value)) {
    form.push('{')
    const parts = Object.entries(value).map(([key, part]) => {
      form.push(JSON.stringify(key), ':')
      const rebuild = walk(part, tensors, form)
      form.push(',')
      return [key, rebuild] as const
    })
    form.push('}')
    return (others) => Object.fromEntries(parts.map(([key, rebuild]) => [key, rebuild(others)]))
  }
  if (
    typeof value === 'function' ||
    typeof value === 'symbol' ||
    (typeof value === 'object' && value !== null)
  )
    throw new SelfsupError(
      `a compiled step takes and returns tensors, plain values, and arrays and objects of these; got ${describe(value)}`,
    )
  form.push(typeof value === 'string' ? JSON.stringify(value) : String(value))
  return () => value
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function describe(value: unknown): string {
  return typeof value === 'object' ? `an instance of ${value?.constructor?.name}` : `a ${typeof value}`
}
