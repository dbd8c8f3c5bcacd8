import type { ImageDataset } from '@selfsup/core'

/**
 * Numeric annotations of a dataset's images, such as those of `shapes`: one column per name, NaN if an image has no value.
 * @param positions positions of the images, such as `features.indices`
 * @returns undefined if none of the images has a numeric annotation
 * @returns undefined when of none of them any number is known
 */
export function numericAnnotations(
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
