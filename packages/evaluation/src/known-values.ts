import type { ImageDataset } from '@selfsup/core'

/**
 * The numbers that a dataset knows of its pictures, such as those of `shapes`: for each name a column, NaN where a picture
 * has none.
 * @param positions of the pictures, such as `features.indices`
 * @returns undefined when of none of them any number is known
 */
export function knownValues(
  dataset: Pick<ImageDataset, 'annotations'>,
  positions: ArrayLike<number>,
): Record<string, Float64Array> | undefined {
  if (!dataset.annotations) return undefined
  const columns: Record<string, Float64Array> = {}
  for (let row = 0; row < positions.length; row++) {
    const values = dataset.annotations(positions[row]!)?.values ?? {}
    for (const [name, value] of Object.entries(values)) {
      columns[name] ??= new Float64Array(positions.length).fill(Number.NaN)
      columns[name][row] = value
    }
  }
  return Object.keys(columns).length > 0 ? columns : undefined
}
