import * as tf from '@tensorflow/tfjs-core'
import { type Attribute, FLOAT32_ATTRIBUTE } from './operations.js'
import type { TensorStore } from './tensor-store.js'

/**
 * Keeps part of a captured step in float32 in mixed precision: the operations inside `run`, and all operations on their
 * results, so that gradients computed later are float32 too. Assigning to a variable ends this: weights that were updated
 * with such gradients are used in bfloat16 again.
 */
export class Float32Scope {
  private depth = 0

  constructor(private readonly tensors: TensorStore) {}

  run<T>(body: () => T): T {
    this.depth++
    try {
      return body()
    } finally {
      this.depth--
    }
  }

  /** Whether an operation on these inputs must compute in float32. */
  covers(inputs: readonly tf.TensorInfo[]): boolean {
    return this.depth > 0 || inputs.some(({ dataId }) => this.isMarked(dataId))
  }

  private isMarked(dataId: tf.DataId): boolean {
    const data = this.tensors.get(dataId)
    if (data.float32 && isOfVariable(dataId)) data.float32 = false
    return data.float32
  }
}

/** The attributes of an operation that computes in float32 in mixed precision. */
export function inFloat32(attributes: readonly Attribute[]): readonly Attribute[] {
  return attributes.some(({ name }) => name === FLOAT32_ATTRIBUTE.name)
    ? attributes
    : [...attributes, FLOAT32_ATTRIBUTE]
}

function isOfVariable(dataId: tf.DataId): boolean {
  return Object.values(tf.engine().registeredVariables).some((variable) => variable.dataId === dataId)
}
