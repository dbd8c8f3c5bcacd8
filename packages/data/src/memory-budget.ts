import { totalmem } from 'node:os'
import { expected, SelfsupError } from '@selfsup/core'

/** Runs work that needs approximately `bytes` of memory, as soon as that much of the budget is free. */
export type MemoryBudget = <T>(bytes: number, work: () => Promise<T>) => Promise<T>

/**
 * Runs tasks concurrently as long as their memory together stays within `total`; other tasks wait in the order of their calls.
 * A task that needs more than `total` runs alone.
 * @param most maximum memory of a single task
 * @throws (rejects) SelfsupError if a task needs more than `most`
 */
export function memoryBudget(total: number, most = Number.POSITIVE_INFINITY): MemoryBudget {
  let free = total
  const waiting: { readonly bytes: number; readonly start: () => void }[] = []
  return async (bytes, work) => {
    if (bytes > most)
      throw new SelfsupError(
        `decoding needs ${gigabytes(bytes)} GB of memory, more than the limit of ${gigabytes(most)} GB on this machine`,
      )
    const own = Math.min(bytes, total)
    if (waiting.length > 0 || own > free)
      await new Promise<void>((start) => waiting.push({ bytes: own, start }))
    else free -= own
    try {
      return await work()
    } finally {
      free += own
      while (waiting.length > 0 && waiting[0]!.bytes <= free) {
        const next = waiting.shift()!
        free -= next.bytes
        next.start()
      }
    }
  }
}

let shared: MemoryBudget | undefined

/** The memory budget for decoding in this process: a quarter of the memory of the machine or its container. */
export const decodingMemory: MemoryBudget = (bytes, work) => {
  shared ??= memoryBudget(machineMemory() / 4, (3 * machineMemory()) / 4)
  return shared(bytes, work)
}

/** Decoded small images that are kept in memory, unless the machine has little. */
const PIXEL_MEMORY = 256e6

/**
 * Bytes of decoded small images that a dataset keeps in memory: $SELFSUP_PIXEL_MEMORY megabytes, otherwise 256 MB, or a sixteenth of the
 * memory of the machine or its container if that is less. More pixels stay on disk.
 * @throws SelfsupError if SELFSUP_PIXEL_MEMORY is not a number of megabytes
 */
export function pixelMemory(env: NodeJS.ProcessEnv = process.env): number {
  const given = env.SELFSUP_PIXEL_MEMORY
  if (!given) return Math.min(PIXEL_MEMORY, machineMemory() / 16)
  expected(/^\d+$/.test(given), `SELFSUP_PIXEL_MEMORY must be a number of megabytes; got ${given}`)
  return Number(given) * 1e6
}

function machineMemory(): number {
  const constrained = process.constrainedMemory() // 0 if unknown; more than the total memory if there is no limit
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem()
}

function gigabytes(bytes: number): string {
  return (bytes / 1e9).toFixed(1)
}
