import { expected, formatShape, ShapeError } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import { allGather, allReduce, allReduceInBuckets, broadcast, useGroup } from './collectives.js'

/** A step that several workers compute together: each has a part of the batch, a run of consecutive rows. */
export interface WorkerRows {
  /** number of this worker */
  readonly rank: number
  /** number of images of each worker */
  readonly rows: readonly number[]
  /** whether batch normalisation uses the statistics of all workers; default true */
  readonly syncBatchNorm?: boolean
  /**
   * a positive whole number that only the workers of this run have, so that a worker of another run that reaches one of them by mistake
   * does not end their exchange; default 1
   */
  readonly group?: number
}

let current: WorkerRows | undefined
/** Set by the first step of several workers: small bundles of losses contain no collective operations. */
let gatherParts: typeof allGather | undefined
let gathered = 0

/**
 * Computes `body` together with the other workers: until it returns, the functions of this module exchange rows and sums. Each
 * worker must compute the same operations. With one worker, the functions return their arguments.
 *
 * The objective that all workers differentiate is the mean of their losses. Each loss is computed from the rows of all workers, so
 * all losses are equal. `gradients of this worker, summed over the workers` is then the gradient of the whole batch.
 */
export function acrossWorkers<Result>(workers: WorkerRows | undefined, body: () => Result): Result {
  const before = current
  current = workers && workers.rows.length > 1 ? workers : undefined
  const groupBefore = useGroup(current?.group ?? 1)
  gatherParts = allGather
  try {
    return body()
  } finally {
    current = before
    useGroup(groupBefore)
  }
}

/** The workers of the step that is being computed; undefined outside of `acrossWorkers` and with one worker. */
export function currentWorkers(): WorkerRows | undefined {
  return current
}

/** Number of workers of the step that is being computed; 1 outside of `acrossWorkers`. */
export function workerCount(): number {
  return current?.rows.length ?? 1
}

/** How often `rowsOfAllWorkers` exchanged rows in this process. */
export function countGathers(): number {
  return gathered
}

/**
 * The rows of all workers, in the order of the whole batch. Losses call it on embeddings, so that each worker computes the loss
 * of the whole batch. The gradient is the part of this worker's rows.
 *
 * Without several workers it returns its argument.
 * @param x [batch, ...], one row for each image of this worker; or [copies * batch, ...], first one row for each image, then again
 * @param options.copies number of rows of each image; default 1
 * @returns [images of all workers, ...], or [copies * images of all workers, ...] in the same order; differentiable
 * @throws ShapeError if `x` does not have `copies` rows for each image
 */
export function rowsOfAllWorkers<T extends tf.Tensor>(
  x: T,
  { copies = 1 }: { readonly copies?: number } = {},
): T {
  if (!current) return x
  const { rank, rows } = current
  if (copies > 1 && x.shape[0]! % copies === 0) {
    const rest = x.shape.slice(1)
    const swapped = (y: tf.Tensor) => tf.transpose(y, [1, 0, ...rest.map((_, axis) => axis + 2)]) as tf.Tensor
    const byImage = swapped(tf.reshape(x, [copies, x.shape[0]! / copies, ...rest]))
    return tf.reshape(swapped(rowsOfAllWorkers(byImage)), [-1, ...rest]) as T
  }
  if (x.shape[0] !== rows[rank]) {
    throw new ShapeError(
      `rowsOfAllWorkers: a step with several workers needs one row for each of this worker's ${rows[rank]} images; got ${formatShape(x.shape)}`,
    )
  }
  gathered++
  const start = rows.slice(0, rank).reduce((sum, count) => sum + count, 0)
  const operation = tf.customGrad((...args: unknown[]) => ({
    value: gather(args[0] as tf.Tensor, rows),
    gradFunc: (dy: tf.Tensor) => {
      const begin = [start, ...x.shape.slice(1).map(() => 0)]
      // All workers have the same gradient for these rows. The objective is the mean of their losses, so it counts once for each.
      return tf.tidy(() => tf.mul(tf.slice(dy, begin, x.shape), rows.length))
    },
  }))
  return operation(x) as T
}

/** Gathers parts of different lengths: they are padded to the longest. */
function gather(x: tf.Tensor, rows: readonly number[]): tf.Tensor {
  const longest = Math.max(...rows)
  const rest = x.shape.slice(1)
  return tf.tidy(() => {
    const missing = longest - x.shape[0]!
    const padded =
      missing === 0 ? x : tf.concat([x, tf.zeros([missing, ...rest], x.dtype as 'float32' | 'int32')])
    const all = gatherParts!(padded, rows.length)
    if (rows.every((count) => count === longest)) return all
    const parts = rows.map((count, worker) =>
      tf.slice(all, [worker * longest, ...rest.map(() => 0)], [count, ...rest]),
    )
    return tf.concat(parts)
  })
}

/**
 * Number of images of all workers.
 * @param own number of images of this worker
 * @throws ShapeError if that is not the number of the step
 */
export function rowsInAll(own: number): number {
  if (!current) return own
  const { rank, rows } = current
  if (rows[rank] !== own)
    throw new ShapeError(
      `rowsInAll: this worker has ${rows[rank]} images in a step with several workers; got ${own}`,
    )
  return rows.reduce((sum, count) => sum + count, 0)
}

/**
 * The part of this worker's images, of a tensor that is the same on all workers. Without several workers it returns its argument.
 * @param axis the axis with one element for each image of all workers
 */
export function rowsOfThisWorker<T extends tf.Tensor>(x: T, axis = 0): T {
  if (!current) return x
  const { rank, rows } = current
  const begin = x.shape.map((_, i) =>
    i === axis ? rows.slice(0, rank).reduce((sum, count) => sum + count, 0) : 0,
  )
  return tf.slice(
    x,
    begin,
    x.shape.map((length, i) => (i === axis ? rows[rank]! : length)),
  ) as T
}

/**
 * Adds up tensors over all workers, such as the gradients of weights. Not differentiable. Without several workers it returns its
 * argument.
 * @param tensors float32, the same shapes on each worker; those that are known last come first, as weights in the order of layers do
 */
export function sumOverWorkers<T extends Readonly<Record<string, tf.Tensor>>>(tensors: T): T {
  if (!current) return tensors
  const names = Object.keys(tensors).reverse()
  const sums = allReduceInBuckets(
    names.map((name) => tensors[name]!),
    current.rows.length,
  )
  const byName = new Map(names.map((name, i) => [name, sums[i]!]))
  return Object.fromEntries(Object.keys(tensors).map((name) => [name, byName.get(name)!])) as T
}

/** The mean of a tensor over all workers. Not differentiable. Without several workers it returns its argument. */
export function meanOverWorkers<T extends tf.Tensor>(x: T): T {
  if (!current) return x
  const { length } = current.rows
  return tf.tidy(() => tf.div(allReduce(x, length), length)) as T
}

/**
 * The values of all workers, one row for each. Not differentiable.
 * @param x the same shape on each worker
 * @returns [workers, ...]
 */
export function valuesOfWorkers(x: tf.Tensor): tf.Tensor {
  expected(current, 'valuesOfWorkers: there is only one worker')
  const { length } = current.rows
  return tf.tidy(() => allGather(tf.expandDims(x, 0), length))
}

/**
 * The values of one worker, bit for bit, on all of them.
 * @param x the same shape on each worker, float32 or int32
 * @param from number of the worker; default 0
 */
export function broadcastFrom<T extends tf.Tensor>(x: T, from = 0): T {
  if (!current) return x
  const { rank, rows } = current
  return broadcast(x, rows.length, rank === from) as T
}
