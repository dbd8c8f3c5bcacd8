import { message, number, text } from './proto.js'

/** The processes of a training run with several workers. */
export interface WorkerAddresses {
  /** `host:port` of each worker, the same list in every process. The first worker coordinates */
  readonly addresses: readonly string[]
  /** number of this process in the list */
  readonly rank: number
}

/** Name of the first worker, which assigns parameters to collective operations. */
export const GROUP_LEADER = '/job:worker/replica:0/task:0'

/**
 * Serializes a ServerDef: this process listens at its own address and reaches the others at theirs. Field numbers are from
 * tensorflow_server.proto and cluster.proto of TensorFlow 2.21.
 * @param config a serialized ConfigProto
 */
export function encodeServerDef({ addresses, rank }: WorkerAddresses, config: Uint8Array): Uint8Array {
  const tasks = addresses.flatMap((address, task) => message(2, [...number(1, task), ...text(2, address)]))
  return Uint8Array.from([
    ...message(1, message(1, [...text(1, 'worker'), ...tasks])), // cluster: one job
    ...text(2, 'worker'), // job_name
    ...number(3, rank), // task_index
    ...message(4, [...config]), // default_session_config
    ...text(5, 'grpc'), // protocol
  ])
}
