import * as tf from '@tensorflow/tfjs-core'
import { attributes, type NativeBackend } from './native.js'

// TensorFlow's collective operations. Every worker must call them in the same order, with tensors of the same shape. Inside a
// captured step each operation has its own number, so that several run at the same time. They wait only for their inputs.

/** Number of the group that all workers form. */
let group = 1

let operations = 0

/**
 * Changes the number of the group. TensorFlow's leader takes processes with the same number as members of the same group, and ends the
 * exchange of all if a process with this number is not the member that it knows.
 * @returns the number before
 */
export function useGroup(number: number): number {
  const before = group
  group = number
  return before
}

/** The sum of the tensors of all workers: the same bits on each. */
export function allReduce(x: tf.Tensor, workers: number): tf.Tensor {
  return collective(
    'CollectiveReduceV2',
    { merge_op: { string: 'Add' }, final_op: { string: 'Id' }, max_subdivs_per_device: { int: -1 } },
    x,
    workers,
    x.shape,
  )
}

/**
 * The rows of all workers, in the workers' order.
 * @param x [rows, ...], the same shape on each worker
 * @returns [workers * rows, ...]
 */
export function allGather(x: tf.Tensor, workers: number): tf.Tensor {
  return collective('CollectiveGatherV2', {}, x, workers, [workers * x.shape[0]!, ...x.shape.slice(1)])
}

/**
 * The tensor of one worker, bit for bit, on all of them.
 * @param x the same shape and type on each worker
 * @param isSource whether this worker's tensor is the one
 */
export function broadcast(x: tf.Tensor, workers: number, isSource: boolean): tf.Tensor {
  const numbers = groupNumbers(workers)
  const shape = tf.tensor1d([...x.shape], 'int32')
  const result = isSource
    ? runCollective('CollectiveBcastSendV2', {}, x, x.shape, [x, ...numbers])
    : runCollective('CollectiveBcastRecvV2', { Tshape: { type: 'int32' } }, x, x.shape, [...numbers, shape])
  tf.dispose([...numbers, shape])
  return result
}

function collective(
  name: string,
  own: Parameters<typeof attributes>[1],
  x: tf.Tensor,
  workers: number,
  shape: readonly number[],
): tf.Tensor {
  const numbers = groupNumbers(workers)
  const settings = { ...own, Nordering_token: { int: 0 } }
  const result = runCollective(name, settings, x, shape, [x, ...numbers])
  tf.dispose(numbers)
  return result
}

/** Size of the group, its number, and the number of the operation. */
function groupNumbers(workers: number): tf.Tensor[] {
  return [workers, group, ++operations].map((value) => tf.scalar(value, 'int32'))
}

function runCollective(
  name: string,
  own: Parameters<typeof attributes>[1],
  { dtype }: tf.Tensor,
  shape: readonly number[],
  inputs: readonly tf.Tensor[],
): tf.Tensor {
  const device = tf.backend() as unknown as NativeBackend
  const settings = {
    ...own,
    T: { type: dtype as 'float32' | 'int32' },
    communication_hint: { string: 'auto' },
    timeout_seconds: { float: 0 }, // a worker that does not answer is noticed from outside
    ...unordered,
    ...(shape.length > 0 && { selfsup_shape: { int: shape } }),
  }
  return device.executeMultipleOutputs(name, attributes(device, settings), inputs, 1)[0]!
}

/** Lets an operation on large tensors start as soon as its inputs are there, instead of in the order of the program. */
const unordered = { selfsup_unordered: { bool: true } } as const

/** Tensors are added up in buckets of about this many values: few messages, but the first leaves while gradients are computed. */
const BUCKET = 1 << 21

/**
 * The sums of the tensors of all workers. In a captured step the sum of a bucket starts when its last tensor is known, while the
 * rest of the step continues.
 * @param tensors float32, the same shapes on each worker; those that are known first should come first
 */
export function allReduceInBuckets(tensors: readonly tf.Tensor[], workers: number): tf.Tensor[] {
  return bucketsOf(tensors).flatMap((bucket) => {
    if (bucket.length === 1) return [allReduce(bucket[0]!, workers)]
    const flat = bucket.map((tensor) => reshape(tensor, [tensor.size]))
    const sums = allReduce(concat(flat), workers)
    const parts = split(
      sums,
      bucket.map(({ size }) => size),
    )
    return bucket.map(({ shape }, i) => reshape(parts[i]!, shape))
  })
}

/** Splits a list into runs of tensors with about BUCKET values each. */
export function bucketsOf<T extends { readonly size: number }>(tensors: readonly T[], most = BUCKET): T[][] {
  const buckets: T[][] = []
  let room = 0
  for (const tensor of tensors) {
    if (buckets.length === 0 || tensor.size > room) {
      buckets.push([])
      room = most
    }
    buckets.at(-1)!.push(tensor)
    room -= tensor.size
  }
  return buckets
}

function reshape(x: tf.Tensor, shape: readonly number[]): tf.Tensor {
  const sizes = tf.tensor1d([...shape], 'int32')
  return run('Reshape', { Tshape: { type: 'int32' } }, [x, sizes], [sizes])[0]!
}

function concat(parts: readonly tf.Tensor[]): tf.Tensor {
  const axis = tf.scalar(0, 'int32')
  const types = { N: { int: parts.length }, Tidx: { type: 'int32' } } as const
  return run('ConcatV2', types, [...parts, axis], [axis])[0]!
}

function split(x: tf.Tensor, lengths: readonly number[]): tf.Tensor[] {
  const sizes = tf.tensor1d([...lengths], 'int32')
  const axis = tf.scalar(0, 'int32')
  const types = { num_split: { int: lengths.length }, Tlen: { type: 'int32' } } as const
  return run('SplitV', types, [x, sizes, axis], [sizes, axis], lengths.length)
}

/** Runs an operation on float32 tensors, and disposes of the tensors that were created for it. */
function run(
  name: string,
  own: Parameters<typeof attributes>[1],
  inputs: readonly tf.Tensor[],
  created: readonly tf.Tensor[],
  outputs = 1,
): tf.Tensor[] {
  const device = tf.backend() as unknown as NativeBackend
  const settings = attributes(device, { T: { type: 'float32' }, ...own, ...unordered })
  const results = device.executeMultipleOutputs(name, settings, inputs, outputs)
  tf.dispose([...created])
  return results
}
