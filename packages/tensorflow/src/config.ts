import { message, number, text } from './proto.js'

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
  /** name of the worker that assigns parameters to collective operations */
  readonly groupLeader?: string
}

/**
 * Serializes a ConfigProto. Field numbers are from tensorflow/core/protobuf/config.proto of TensorFlow 2.21. Fields are
 * in ascending order, as TensorFlow writes them.
 */
export function encodeConfig(config: Config): Uint8Array {
  const { threads, operations, softPlacement, memoryGrowth, groupLeader } = config
  return Uint8Array.from([
    ...number(2, threads), // intra_op_parallelism_threads
    ...number(5, operations), // inter_op_parallelism_threads
    ...message(6, memoryGrowth === undefined ? undefined : number(4, Number(memoryGrowth))), // gpu_options.allow_growth
    ...number(7, softPlacement ? 1 : undefined), // allow_soft_placement
    ...message(16, groupLeader === undefined ? undefined : text(1, groupLeader)), // experimental.collective_group_leader
  ])
}
