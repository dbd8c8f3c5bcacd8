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
  /** how functions are rewritten before they run first */
  readonly rewrites?: Rewrites
}

/** Grappler's passes over a function (RewriterConfig); those that are left out are as TensorFlow has them. */
export interface Rewrites {
  /** convolutions and matrix products in half the bits: bfloat16 by oneDNN on processors, float16 on GPUs */
  readonly mixedPrecision?: 'bfloat16' | 'float16'
}

/** RewriterConfig.Toggle */
const ON = 1

/**
 * A serialized ConfigProto. Field numbers are those of tensorflow/core/protobuf/config.proto and
 * rewriter_config.proto of TensorFlow 2.21; fields are in rising order, as TensorFlow itself writes them.
 */
export function encodeConfig({
  threads,
  operations,
  softPlacement,
  memoryGrowth,
  rewrites,
}: Config): Uint8Array {
  return Uint8Array.from([
    ...number(2, threads), // intra_op_parallelism_threads
    ...number(5, operations), // inter_op_parallelism_threads
    ...message(6, memoryGrowth === undefined ? undefined : number(4, Number(memoryGrowth))), // gpu_options.allow_growth
    ...number(7, softPlacement ? ON : undefined), // allow_soft_placement
    ...message(10, rewrites && message(10, encodeRewrites(rewrites))), // graph_options.rewrite_options
  ])
}

function encodeRewrites({ mixedPrecision }: Rewrites): number[] {
  return [
    ...number(23, mixedPrecision === 'float16' ? ON : undefined), // auto_mixed_precision
    ...number(31, mixedPrecision === 'bfloat16' ? ON : undefined), // auto_mixed_precision_onednn_bfloat16
  ]
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
