import { totalmem } from 'node:os'
import { SelfsupError } from '@selfsup/core'

/** Runs work that takes about so many bytes of memory, when there is room for it beside what runs already. */
export type MemoryBudget = <T>(bytes: number, work: () => Promise<T>) => Promise<T>

/**
 * Lets pieces of work run side by side as long as their memory together stays within `total`; the others wait in the order
 * of asking. One that needs more than `total` runs alone.
 * @param most what one piece may take at all
 * @throws (rejects) SelfsupError when a piece would take more than `most`
 */
export function memoryBudget(total: number, most = Number.POSITIVE_INFINITY): MemoryBudget {
  let free = total
  const waiting: { readonly bytes: number; readonly start: () => void }[] = []
  return async (bytes, work) => {
    if (bytes > most)
      throw new SelfsupError(
        `decoding it takes ${gigabytes(bytes)} GB of memory; at most ${gigabytes(most)} GB are used here`,
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

/** The memory that all decoding in this process shares: a quarter of what the machine, or its container, has. */
export const decodingMemory: MemoryBudget = (bytes, work) => {
  shared ??= memoryBudget(machineMemory() / 4, (3 * machineMemory()) / 4)
  return shared(bytes, work)
}

function machineMemory(): number {
  const constrained = process.constrainedMemory() // 0 where nothing is known, more than there is without a limit
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem()
}

function gigabytes(bytes: number): string {
  return (bytes / 1e9).toFixed(1)
}
