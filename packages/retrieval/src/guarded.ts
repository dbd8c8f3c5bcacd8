import type { Table } from '@lancedb/lancedb'
import { SelfsupError } from '@selfsup/core'

/** LanceDB reports the system's error only in its text. */
const reasons = [
  [/os error 28\b|no space left on device/i, 'no space is left on the disk', 'free some space'],
  [/os error 122\b|quota exceeded/i, 'the disk quota is used up', 'free some space'],
  [/os error 30\b|read-only file system/i, 'the file system is read-only', 'make it writable'],
  [/os error (?:1|13)\b|permission denied/i, 'no permission', 'correct the permissions of the folder'],
] as const

function damaged(folder: string, error: unknown): SelfsupError {
  if (error instanceof SelfsupError) return error
  const text = String((error as Error)?.message ?? error)
  const known = reasons.find(([pattern]) => pattern.test(text))
  if (known)
    return new SelfsupError(`${folder}: the index can't be written or read: ${known[1]}`, {
      code: 'write-failed',
      fix: `${known[2]} and index the images again; those indexed so far stay in the index`,
      path: folder,
    })
  const [line] = text.split('\n')
  return new SelfsupError(`${folder}: the index cannot be used (${line}). Your images are not affected`, {
    code: 'damaged-file',
    fix: 'delete that folder and index them again',
    path: folder,
  })
}

/** Runs work on the database of a folder; its errors become a SelfsupError that names the folder. */
export function guard(folder: string) {
  return async <T>(work: () => T | Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      throw damaged(folder, error)
    }
  }
}

/** The batches of a query, with the same errors. */
export async function* guardedIteration(
  folder: string,
  query: ReturnType<ReturnType<Table['query']>['select']>,
): AsyncIterable<import('apache-arrow').RecordBatch> {
  try {
    yield* query as AsyncIterable<import('apache-arrow').RecordBatch>
  } catch (error) {
    throw damaged(folder, error)
  }
}
