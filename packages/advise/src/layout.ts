import type { HostImages } from '@selfsup/core'
import { cellMeans, DIRECTIONS, gradientHistograms, type Planes, planesOf } from './pixels.js'
import { type ToldApart, toldApart } from './told-apart.js'

/** Pictures that are cut up; four pairs of each. */
const MOST = 512

/** Part of a cell's side that its patch has: the rest is the gap, so that edges do not go on from one patch to the next. */
const PATCH = 0.75

/** Cells from left to right and from top to bottom. */
const ROWS = 3

/** Brightness, contrast, two colours, four quarters, directions. */
const FEATURES = 8 + DIRECTIONS

/** Below this side patches have too few pixels to be told apart. */
export const SMALLEST_LAYOUT = 12

/** Cells above, left, right and below of the middle one: all as far from it. */
const NEIGHBOURS = [1, 3, 5, 7]

/**
 * Whether where a patch lies can be told from what is in it: how often a small classifier tells in which of four directions
 * from the middle patch another lies, from the content of both, gaps between them. What relative position and jigsaw
 * puzzles ask for; textures have nothing of it. Diagonal neighbours lie farther away, which alone would tell them.
 * @param images [pictures, side, side, 1 or 3]
 */
export function layout(images: HostImages): ToldApart {
  const [all, side] = images.shape
  const count = side < SMALLEST_LAYOUT ? 0 : Math.min(MOST, all)
  const directions = NEIGHBOURS.length
  const width = 2 * FEATURES
  const values = new Float32Array(count * directions * width)
  const answers = Uint8Array.from({ length: count * directions }, (_, i) => i % directions)
  for (let picture = 0; picture < count; picture++) {
    const patches = patchesOf(planesOf(images, Math.floor((picture * all) / count)))
    for (const [answer, number] of NEIGHBOURS.entries()) {
      const at = (picture * directions + answer) * width
      values.set(patches[number]!, at)
      values.set(
        patches[number]!.map((value, j) => value - patches[4]![j]!),
        at + FEATURES,
      )
    }
  }
  return toldApart({ candidates: directions, features: width, values, answers, perPicture: directions })
}

/** What is in each of nine patches, from left to right and from top to bottom. */
function patchesOf({ side, ...planes }: Planes): Float32Array[] {
  const cell = side / ROWS
  const size = Math.floor(cell * PATCH)
  const start = (number: number) => Math.round(number * cell + (cell - size) / 2)
  const cut = (plane: Float32Array, top: number, left: number) => {
    const patch = new Float32Array(size * size)
    for (let y = 0; y < size; y++)
      patch.set(plane.subarray((top + y) * side + left, (top + y) * side + left + size), y * size)
    return patch
  }
  return Array.from({ length: ROWS * ROWS }, (_, number) => {
    const [top, left] = [start(Math.floor(number / ROWS)), start(number % ROWS)]
    const light = cut(planes.brightness, top, left)
    const brightness = mean(light)
    const contrast = Math.sqrt(mean(light.map((value) => (value - brightness) ** 2)))
    const colours = [planes.redGreen, planes.blueYellow].map((plane) =>
      plane ? mean(cut(plane, top, left)) : 0,
    )
    const quarters = cellMeans(light, size, 2).map((value) => value - brightness)
    const edges = gradientHistograms(light, size, 1)
    const total = edges.reduce((sum, value) => sum + value, 0.05 * size)
    return Float32Array.from([
      brightness,
      contrast,
      ...colours,
      ...quarters,
      ...edges.map((strength) => strength / total),
    ])
  })
}

function mean(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
