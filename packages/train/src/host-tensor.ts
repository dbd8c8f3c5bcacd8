/** A tensor's values on the host. */
export interface HostTensor {
  readonly dtype: 'float32' | 'int32' | 'bool'
  readonly shape: readonly number[]
  readonly values: Float32Array | Int32Array | Uint8Array
}
