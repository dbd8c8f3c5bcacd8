import { rowsOfPart, SelfsupError } from '@selfsup/core'
import type { Engine, Workers } from '@selfsup/engine'
import { acrossWorkers, broadcastFrom, valuesOfWorkers, type WorkerRows } from '@selfsup/kernels'
import { sha256 } from '@selfsup/run-folder'
import * as tf from '@tensorflow/tfjs-core'
import { canonicalJson } from './canonical-json.js'
import type { Position, TrainedVariables } from './checkpoint.js'

/** A run that several workers train together: what they exchange outside of the steps. */
export interface Together {
  readonly workers: Workers
  readonly rows: WorkerRows
  /**
   * Compares the run of each worker.
   * @param facts what must be the same, by name; at most 16, the first ones matter most
   * @param timeoutMs how long the others may take until they are here too
   * @throws SelfsupError that names a worker and what differs, or the workers that may not be here
   */
  agree(facts: Readonly<Record<string, unknown>>, timeoutMs: number): Promise<void>
  /** Copies variables and position of worker 0 to all others. @returns the position of worker 0 */
  share(variables: TrainedVariables, position: Position): Promise<Position>
  /** Waits until all workers are here. */
  meet(): Promise<void>
  /** Replaces an error of an exchange by one that names the worker that stopped. */
  explain(error: unknown, out: string): Promise<unknown>
}

/** Maximum number of facts. A fixed number, so that versions with other facts can be compared. */
const MOST_FACTS = 16

/** Time in which the error of a worker reaches all others before the next one ends. */
const LINGER_MS = 5_000

/** Time in which the last values reach the other workers. */
const SETTLE_MS = 1_000

/**
 * Prepares a run of several workers. Each has a run of rows of each batch.
 * @returns undefined with one worker
 */
export function togetherOn(
  engine: Engine,
  batchSize: number,
  { syncBatchNorm = true }: { readonly syncBatchNorm?: boolean } = {},
): Together | undefined {
  const { workers } = engine
  if (!workers) return undefined
  const group: Workers = workers
  const { count, rank } = group
  const parts = Array.from({ length: count }, (_, index) => rowsOfPart(batchSize, { index, count }))
  const names = parts.map((_, worker) => workers.nameOf(worker))
  const rows = {
    rank,
    rows: parts.map(({ start, end }) => end - start),
    syncBatchNorm,
    group: 2 + (digestOf(names)[0]! >>> 2), // their addresses
  }
  if (rows.rows.includes(0)) {
    throw new SelfsupError(
      `train: a batch of ${batchSize} can't be divided among ${count} workers; use a larger batch or fewer workers`,
    )
  }

  /** The rows of all workers. A compiled step, because it does not block JavaScript while it waits. */
  async function gather(values: Int32Array): Promise<Int32Array[]> {
    const step = engine.compile((x: tf.Tensor) => acrossWorkers(rows, () => valuesOfWorkers(x)))
    const own = tf.tensor1d(values, 'int32')
    const all = step(own)
    try {
      const data = (await all.data()) as Int32Array
      return Array.from({ length: count }, (_, worker) =>
        data.subarray(worker * values.length, (worker + 1) * values.length),
      )
    } finally {
      tf.dispose([own, all])
      step.dispose()
    }
  }

  /**
   * Like `gather`, the first time. A worker that answers may belong to another run, so that it never takes part; or it may refuse this
   * one, because it takes part in another.
   */
  async function gatherWithin(values: Int32Array, timeoutMs: number): Promise<Int32Array[]> {
    let late = false
    const timer = setTimeout(() => {
      late = true
      group.abort('not all workers began the run')
    }, timeoutMs)
    try {
      return await gather(values)
    } catch (error) {
      if (!late && (await group.failed()) !== undefined) throw error // `explain` names it
      const others = names.filter((_, worker) => worker !== rank)
      throw new SelfsupError(
        `${others.join(', ')} ${others.length > 1 ? 'answer, but not all began' : 'answers, but did not begin'} this run${late ? ` within ${Math.round(timeoutMs / 1000)} seconds` : ''}`,
        {
          code: 'worker-failed',
          fix: 'give all workers the same list of addresses, check that no worker of another run uses one of them, or wait longer for workers that are slow',
          cause: error,
        },
      )
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    workers,
    rows,
    async agree(facts, timeoutMs) {
      const factNames = Object.keys(facts)
      const digests = new Int32Array(2 * MOST_FACTS)
      for (const [i, name] of factNames.entries()) digests.set(digestOf(facts[name]), 2 * i)
      const all = await gatherWithin(digests, timeoutMs)
      for (const [worker, theirs] of all.entries()) {
        const at = theirs.findIndex((word, i) => word !== all[0]![i])
        if (at < 0) continue
        const what = factNames[Math.floor(at / 2)] ?? 'what versions compare'
        const verb = what.endsWith('s') ? 'differ. Here they are' : 'differs. Here it is'
        throw new SelfsupError(
          `${workers.nameOf(worker)} does not train the same run as ${workers.nameOf(0)}: ${what} ${verb} ${short(facts[what])}`,
          { code: 'worker-failed', fix: 'start all workers with the same version, command and images' },
        )
      }
    },
    async share(variables, position) {
      const step = engine.compile(() =>
        acrossWorkers(rows, () => {
          for (const variable of variables.values()) variable.assign(broadcastFrom<tf.Tensor>(variable))
          return tf.scalar(0)
        }),
      )
      const done = step()
      await done.data()
      done.dispose()
      step.dispose()
      const { step: number, smoothedLoss, epochLoss, epochSteps } = position
      const words = Float64Array.of(number, smoothedLoss, epochLoss, epochSteps)
      const [first] = await gather(new Int32Array(words.buffer))
      const [at, smoothed, loss, steps] = new Float64Array(Int32Array.from(first!).buffer)
      return { step: at!, smoothedLoss: smoothed!, epochLoss: loss!, epochSteps: steps! }
    },
    async meet() {
      await gather(Int32Array.of(rank))
      // The others may still be receiving the last values of this worker, which may end now.
      await pause(SETTLE_MS)
    },
    async explain(error, out) {
      if (error instanceof SelfsupError) {
        workers.abort(error.message)
        return error
      }
      const failed = await workers.failed()
      workers.abort(`worker ${rank} stopped`)
      if (failed === undefined) {
        if (!isOfExchange(error)) return error
        await pause(LINGER_MS)
        return new SelfsupError(`${lostExchange(error, names, rank)}, so this worker stops; ${saved(out)}`, {
          code: 'worker-failed',
          fix: 'check the network between the workers, and resume the run with all of them',
          path: out,
          cause: error,
        })
      }
      await pause(LINGER_MS)
      return new SelfsupError(
        `${workers.nameOf(failed)} stopped or does not answer, so this worker stops too; ${saved(out)}`,
        {
          code: 'worker-failed',
          fix: 'find the cause there and resume the run with all workers',
          path: out,
          cause: error,
        },
      )
    },
  }
}

const saved = (out: string) => `checkpoints that exist in ${out} are complete`

/** Whether an error is one of TensorFlow's collective operations, and not of the step. */
function isOfExchange(error: unknown): error is Error {
  return error instanceof Error && /Collective ops is aborted|GRPC error|grpc_status/.test(error.message)
}

/** Why the exchange ended although all workers answer, from TensorFlow's message. */
function lostExchange({ message }: Error, names: readonly string[], rank: number): string {
  if (/incarnation/.test(message))
    return `the exchange with ${names.filter((_, worker) => worker !== rank).join(', ')} ended: a process that does not belong to this run, or a worker that was started again, connected to a worker`
  // The last place named is where the chain of errors began.
  const at = [...message.matchAll(/remote target \/job:worker\/replica:0\/task:(\d+)/g)].at(-1)?.[1]
  const worker = at === undefined ? undefined : Number(at)
  if (worker === undefined) return 'the exchange between the workers failed, although all of them answer'
  return worker === rank
    ? `other workers lost the connection to this one, ${names[worker]}`
    : `the connection to ${names[worker]} was lost, although it answers`
}

function digestOf(fact: unknown): Int32Array {
  const hash = sha256()
    .update(canonicalJson(fact) ?? 'undefined')
    .hex()
  const word = (at: number) =>
    Number.parseInt(hash.slice(at, at + 8).replace(/(..)(..)(..)(..)/, '$4$3$2$1'), 16)
  return Int32Array.of(word(0), word(8))
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

function short(fact: unknown): string {
  const text = JSON.stringify(fact) ?? String(fact)
  return text.length > 200 ? `${text.slice(0, 200)}...` : text
}
