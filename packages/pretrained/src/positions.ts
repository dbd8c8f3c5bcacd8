/** How position embeddings are resized to another grid of patches. */
export interface PositionResizing {
  /** a wider filter when the grid shrinks (timm, DINOv2 with registers) */
  readonly antialias: boolean
  /** added to the new number of patches before the scale is computed: 0.1 in DINO and DINOv2 without registers, otherwise 0 */
  readonly offset: number
}

/** Where each new value comes from along one axis, [to, from] in row order. */
function axisWeights(from: number, to: number, { antialias, offset }: PositionResizing): Float64Array {
  const scale = from / (to + offset)
  const weights = new Float64Array(to * from)
  for (let i = 0; i < to; i++) {
    const centre = scale * (i + 0.5)
    if (antialias) addAntialiased(weights.subarray(i * from, (i + 1) * from), centre, Math.max(1, scale))
    else addInterpolated(weights.subarray(i * from, (i + 1) * from), centre - 0.5)
  }
  return weights
}

/** Cubic convolution kernel (Keys 1981). PyTorch has a = -0.75 without antialiasing and -0.5 with it. */
function cubic(x: number, a: number): number {
  const t = Math.abs(x)
  if (t <= 1) return ((a + 2) * t - (a + 3)) * t * t + 1
  return t < 2 ? (((t - 5) * t + 8) * t - 4) * a : 0
}

/** PyTorch's `antialias=True`: the kernel widened by the scale, normalised at the borders. */
function addAntialiased(row: Float64Array, centre: number, width: number): void {
  const first = Math.max(0, Math.trunc(centre - 2 * width + 0.5))
  const end = Math.min(row.length, Math.trunc(centre + 2 * width + 0.5))
  let sum = 0
  for (let j = first; j < end; j++) {
    row[j] = cubic((j - centre + 0.5) / width, -0.5)
    sum += row[j]!
  }
  for (let j = first; j < end; j++) row[j]! /= sum
}

/** PyTorch's `antialias=False`: four neighbours; beyond the border, its values are repeated. */
function addInterpolated(row: Float64Array, at: number): void {
  const base = Math.floor(at)
  for (let j = base - 1; j <= base + 2; j++)
    row[Math.min(row.length - 1, Math.max(0, j))]! += cubic(at - j, -0.75)
}

/**
 * Resizes position embeddings of a square grid of patches by bicubic interpolation, as `torch.nn.functional.interpolate`.
 * @param values [from * from, width] in row order
 * @returns [to * to, width]; the values themselves if the grid has that size already
 */
export function resizePositions(
  values: Float32Array,
  [from, to]: readonly [from: number, to: number],
  width: number,
  resizing: PositionResizing,
): Float32Array {
  if (from === to) return values
  const weights = axisWeights(from, to, resizing)
  const across = resizeRows(values, [from, from], weights, to, width)
  return resizeRows(transposeGrid(across, from, to, width), [to, from], weights, to, width, true)
}

/** Resizes the second axis: [rows, from, width] to [rows, to, width], or to [to, rows, width] with `transposed`. */
function resizeRows(
  values: Float32Array | Float64Array,
  [rows, from]: readonly [number, number],
  weights: Float64Array,
  to: number,
  width: number,
  transposed = false,
): Float32Array {
  const result = new Float32Array(rows * to * width)
  for (let row = 0; row < rows; row++)
    for (let i = 0; i < to; i++) {
      const target = (transposed ? i * rows + row : row * to + i) * width
      for (let channel = 0; channel < width; channel++) {
        let sum = 0
        for (let j = 0; j < from; j++)
          sum += weights[i * from + j]! * values[(row * from + j) * width + channel]!
        result[target + channel] = sum
      }
    }
  return result
}

/** [rows, columns, width] to [columns, rows, width]. */
function transposeGrid(values: Float32Array, rows: number, columns: number, width: number): Float32Array {
  const result = new Float32Array(values.length)
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const from = (row * columns + column) * width
      result.set(values.subarray(from, from + width), (column * rows + row) * width)
    }
  return result
}
