type TypedArray = Float32Array | Int32Array | Uint8Array

/** One axis of a copy: the number of values, and their distance in the source (0 repeats the same value). */
export interface StridedAxis {
  readonly count: number
  readonly stride: number
}

/** Minimum length of a row that is copied as a block. */
const BLOCK = 24

/**
 * Copies the values that the axes visit in the source, starting at `offset`, row by row. This covers slices (an offset),
 * strides (larger distances), reversals (negative distances) and repetitions (distance 0).
 */
export function stridedCopy(
  target: TypedArray,
  source: TypedArray,
  axes: readonly StridedAxis[],
  offset: number,
): void {
  const merged = mergeAxes(axes)
  const row = merged.pop() ?? { count: 1, stride: 1 }
  const rows = merged.reduce((product, { count }) => product * count, 1)
  if (rows * row.count === 0) return
  const index = merged.map(() => 0)
  let from = offset
  for (let line = 0, to = 0; line < rows; line++, to += row.count) {
    copyRow(target, to, source, from, row)
    for (let axis = merged.length - 1; axis >= 0; axis--) {
      const { count, stride } = merged[axis]!
      from += stride
      if (++index[axis]! < count) break
      index[axis] = 0
      from -= stride * count
    }
  }
}

function copyRow(
  target: TypedArray,
  to: number,
  source: TypedArray,
  from: number,
  { count, stride }: StridedAxis,
): void {
  if (stride === 1 && count >= BLOCK) target.set(source.subarray(from, from + count), to)
  else if (stride === 0 && count >= BLOCK) target.fill(source[from]!, to, to + count)
  else for (let i = 0, at = from; i < count; i++, at += stride) target[to + i] = source[at]!
}

/** Merges adjacent axes that together visit an evenly spaced sequence. */
function mergeAxes(axes: readonly StridedAxis[]): StridedAxis[] {
  const merged: StridedAxis[] = []
  for (const axis of axes) {
    if (axis.count === 1) continue
    const outer = merged.at(-1)
    if (outer && outer.stride === axis.stride * axis.count)
      merged[merged.length - 1] = { count: outer.count * axis.count, stride: axis.stride }
    else merged.push(axis)
  }
  return merged
}
