import type { Table } from '@lancedb/lancedb'
import { SelfsupError } from '@selfsup/core'

function damaged(folder: string, error: unknown): SelfsupError {
  if (error instanceof SelfsupError) return error
  const [line] = String((error as Error)?.message ?? error).split('\n')
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
