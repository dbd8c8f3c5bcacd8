type TypedArray = Float32Array | Int32Array | Uint8Array

/** One axis of a copy: how many values, and how far apart they are in the source (0: the same one again). */
export interface StridedAxis {
  readonly count: number
  readonly stride: number
}

/** From which length on a row is moved as a block. */
const BLOCK = 24

/**
 * Writes out row by row what the axes visit in the source, from `offset` on: slices (begun later), strides
 * (further apart), reversals (backwards) and repetitions (the same again) are all this.
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

/** Neighbouring axes that visit one even sequence become one axis. */
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
