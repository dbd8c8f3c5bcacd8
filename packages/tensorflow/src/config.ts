/** Fields of TensorFlow's ConfigProto that are set here. An omitted field keeps TensorFlow's default. */
export interface Config {
  /** threads inside one operation */
  readonly threads?: number
  /** operations that run at the same time */
  readonly operations?: number
  /** run operations without a GPU kernel on the CPU instead of failing */
  readonly softPlacement?: boolean
  /** allocate GPU memory as needed instead of all of it at once */
  readonly memoryGrowth?: boolean
}

/**
 * Serializes a ConfigProto. Field numbers are from tensorflow/core/protobuf/config.proto of TensorFlow 2.21. Fields are
 * in ascending order, as TensorFlow writes them.
 */
export function encodeConfig({ threads, operations, softPlacement, memoryGrowth }: Config): Uint8Array {
  return Uint8Array.from([
    ...number(2, threads), // intra_op_parallelism_threads
    ...number(5, operations), // inter_op_parallelism_threads
    ...message(6, memoryGrowth === undefined ? undefined : number(4, Number(memoryGrowth))), // gpu_options.allow_growth
    ...number(7, softPlacement ? 1 : undefined), // allow_soft_placement
  ])
}

/** A nonnegative integer as a field; empty if undefined. */
function number(field: number, value: number | undefined): number[] {
  return value === undefined ? [] : [...varint(field * 8), ...varint(value)]
}

function message(field: number, body: readonly number[] | undefined): number[] {
  return body === undefined ? [] : [...varint(field * 8 + 2), ...varint(body.length), ...body]
}

function varint(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest]
    bytes.push((rest % 128) + 128)
  }
}
