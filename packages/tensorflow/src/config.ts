/** What of TensorFlow's ConfigProto is set here; what is left out keeps TensorFlow's own default. */
export interface Config {
  /** threads inside one operation */
  readonly threads?: number
  /** operations at a time */
  readonly operations?: number
  /** what a GPU has no kernel for runs on the processor, instead of being an error */
  readonly softPlacement?: boolean
  /** take a GPU's memory as it is needed instead of all of it at once */
  readonly memoryGrowth?: boolean
}

/**
 * A serialized ConfigProto. Field numbers are those of tensorflow/core/protobuf/config.proto of
 * TensorFlow 2.21; fields are in rising order, as TensorFlow itself writes them.
 */
export function encodeConfig({ threads, operations, softPlacement, memoryGrowth }: Config): Uint8Array {
  return Uint8Array.from([
    ...number(2, threads), // intra_op_parallelism_threads
    ...number(5, operations), // inter_op_parallelism_threads
    ...message(6, memoryGrowth === undefined ? undefined : number(4, Number(memoryGrowth))), // gpu_options.allow_growth
    ...number(7, softPlacement ? 1 : undefined), // allow_soft_placement
  ])
}

/** A whole number of at least 0 as a field; nothing where there is none. */
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
