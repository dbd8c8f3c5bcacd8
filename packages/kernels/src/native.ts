import type { Tensor, TensorInfo } from '@tensorflow/tfjs-core'

/** Backend name of the native TensorFlow engine in TensorFlow.js. */
export const NATIVE = 'tensorflow'

/** Engines for which operations are composed of TensorFlow.js's own kernels. */
export const COMPOSED = ['wasm', 'cpu', 'webgl', 'webgpu'] as const

/** An attribute of a TensorFlow operation, in the binding's format. */
export interface NativeAttribute {
  readonly name: string
  readonly type: number
  readonly value: number | string | boolean | readonly number[]
}

/** The part of the native backend that runs TensorFlow operations by name. */
export interface NativeBackend {
  readonly binding: Readonly<
    Record<'TF_ATTR_TYPE' | 'TF_ATTR_FLOAT' | 'TF_ATTR_STRING' | 'TF_ATTR_BOOL' | 'TF_ATTR_INT', number>
  >
  executeMultipleOutputs(
    name: string,
    attributes: readonly NativeAttribute[],
    inputs: readonly TensorInfo[],
    outputs: number,
  ): Tensor[]
  /** precision of network products in compiled steps; `off` for float32 */
  readonly mixedPrecision?: 'bfloat16' | 'off'
  /** runs `body`; its products and their gradients compute in float32 in mixed precision too */
  inFloat32?<T>(body: () => T): T
  /** whether a step is being captured that XLA compiles */
  readonly byXla?: boolean
  /** which operations of Selfsup's own addon are in use; undefined without the addon */
  readonly fused?: {
    readonly views: boolean
    readonly padsConvolutions: boolean
    readonly normalisation: boolean
  }
}

// TF_DataType of c_api.h.
const types = { float32: 1, int32: 3, bool: 10, uint64: 23 } as const

/** Attributes from plain values: `{ T: { type: 'float32' }, epsilon: { float: 1e-5 } }`. */
export function attributes(
  backend: NativeBackend,
  values: Readonly<
    Record<
      string,
      | { readonly type: keyof typeof types }
      | { readonly float: number }
      | { readonly int: number | readonly number[] }
      | { readonly string: string }
      | { readonly bool: boolean }
    >
  >,
): NativeAttribute[] {
  const { binding } = backend
  return Object.entries(values).map(([name, value]) => {
    if ('type' in value) return { name, type: binding.TF_ATTR_TYPE, value: types[value.type] }
    if ('float' in value) return { name, type: binding.TF_ATTR_FLOAT, value: value.float }
    if ('int' in value) return { name, type: binding.TF_ATTR_INT, value: value.int }
    if ('string' in value) return { name, type: binding.TF_ATTR_STRING, value: value.string }
    return { name, type: binding.TF_ATTR_BOOL, value: value.bool }
  })
}
