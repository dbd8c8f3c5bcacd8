import type { HostImages } from '@selfsup/core'

/** A square image as brightness, 0..1, and two colour differences, -1..1, each [side, side]. */
export interface Planes {
  readonly side: number
  readonly brightness: Float32Array
  /** red minus green, and blue minus yellow; absent for images with one channel */
  readonly redGreen?: Float32Array
  readonly blueYellow?: Float32Array
}

/** Brightness (Rec. 601) and opponent colours of image number `index`. */
export function planesOf({ data, shape: [, side, , channels] }: HostImages, index: number): Planes {
  const count = side * side
  const brightness = new Float32Array(count)
  const from = index * count * channels
  if (channels === 1) {
    for (let i = 0; i < count; i++) brightness[i] = data[from + i]! / 255
    return { side, brightness }
  }
  const [redGreen, blueYellow] = [new Float32Array(count), new Float32Array(count)]
  for (let i = 0; i < count; i++) {
    const at = from + i * channels
    const [r, g, b] = [data[at]! / 255, data[at + 1]! / 255, data[at + 2]! / 255]
    brightness[i] = 0.299 * r + 0.587 * g + 0.114 * b
    redGreen[i] = r - g
    blueYellow[i] = b - (r + g) / 2
  }
  return { side, brightness, redGreen, blueYellow }
}

/** Turns counter-clockwise by multiples of 90 degrees, after mirroring horizontally if `mirrored`. */
export function turned(planes: Planes, quarters: 0 | 1 | 2 | 3, mirrored = false): Planes {
  const { side } = planes
  const last = side - 1
  // Source of the first pixel, and source steps for one pixel down and one pixel across.
  const [row, column, rowDown, columnDown, rowAcross, columnAcross] = (
    [
      [0, 0, 1, 0, 0, 1],
      [0, last, 0, -1, 1, 0],
      [last, last, -1, 0, 0, -1],
      [last, 0, 0, 1, -1, 0],
    ] as const
  )[quarters]
  const place = (row: number, column: number) => row * side + (mirrored ? -column : column)
  const start = place(row, column) + (mirrored ? last : 0)
  const [down, across] = [place(rowDown, columnDown), place(rowAcross, columnAcross)]
  const move = (plane: Float32Array) => {
    const result = new Float32Array(plane.length)
    for (let y = 0, at = 0; y < side; y++)
      for (let x = 0; x < side; x++) result[at++] = plane[start + y * down + x * across]!
    return result
  }
  return {
    side,
    brightness: move(planes.brightness),
    redGreen: planes.redGreen && move(planes.redGreen),
    blueYellow: planes.blueYellow && move(planes.blueYellow),
  }
}

/** Mean of a plane over each of rows x rows cells. */
export function cellMeans(plane: Float32Array, side: number, rows: number): Float32Array {
  const means = new Float32Array(rows * rows)
  const counts = new Float32Array(rows * rows)
  const cell = Uint8Array.from({ length: side }, (_, i) => Math.floor((i * rows) / side))
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      const at = cell[y]! * rows + cell[x]!
      means[at]! += plane[y * side + x]!
      counts[at]!++
    }
  return means.map((sum, i) => sum / Math.max(1, counts[i]!))
}

/** Number of direction bins of signed gradients. */
export const DIRECTIONS = 8

/**
 * Histograms of signed gradient directions in each of rows x rows cells, weighted by gradient strength (Dalal & Triggs 2005):
 * [rows * rows, DIRECTIONS].
 */
export function gradientHistograms(plane: Float32Array, side: number, rows: number): Float32Array {
  const histograms = new Float32Array(rows * rows * DIRECTIONS)
  for (let y = 1; y < side - 1; y++)
    for (let x = 1; x < side - 1; x++) {
      const at = y * side + x
      const across = plane[at + 1]! - plane[at - 1]!
      const down = plane[at + side]! - plane[at - side]!
      const strength = Math.sqrt(across * across + down * down)
      if (strength === 0) continue
      // Bins are centred on the axes, so that a quarter turn shifts them by two.
      const direction = Math.round((Math.atan2(down, across) / (2 * Math.PI)) * DIRECTIONS)
      const cell = Math.floor((y * rows) / side) * rows + Math.floor((x * rows) / side)
      histograms[cell * DIRECTIONS + ((direction + DIRECTIONS) % DIRECTIONS)]! += strength
    }
  return histograms
}
