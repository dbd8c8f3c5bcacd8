/** A run of consecutive rows of each batch: the rows of one of several workers. */
export interface BatchPart {
  /** number of the worker, from 0 */
  readonly index: number
  /** number of workers */
  readonly count: number
}

/**
 * The rows of one part. All rows are in one part; the first parts are one row longer if they can't all be of the same length.
 * @param rows number of rows in the batch
 */
export function rowsOfPart(
  rows: number,
  { index, count }: BatchPart,
): { readonly start: number; readonly end: number } {
  const startOf = (part: number) => Math.floor(rows / count) * part + Math.min(part, rows % count)
  return { start: startOf(index), end: startOf(index + 1) }
}
