import type { HostImages } from '@selfsup/core'
import { type ClassifierAccuracy, classifierAccuracy } from './classifier-accuracy.js'
import { cellMeans, DIRECTIONS, gradientHistograms, type Planes, planesOf } from './pixels.js'

/** Maximum number of images; each gives four pairs of patches. */
const MOST = 512

/** Side of a patch as a fraction of its cell; the rest is a gap, so that edges do not continue from patch to patch. */
const PATCH = 0.75

/** Number of rows and columns of cells. */
const ROWS = 3

/** Brightness, contrast, two colours, four quarters, edge directions. */
const FEATURES = 8 + DIRECTIONS

/** Minimum side of the images, below which patches have too few pixels. */
export const SMALLEST_LAYOUT = 12

/** Cells above, left, right and below of the central one, which have the same distance to it. */
const NEIGHBOURS = [1, 3, 5, 7]

/**
 * Whether the position of a patch can be predicted from its content: accuracy of a small classifier that predicts in which of
 * four directions from the central patch another one is, from the content of both, with gaps between them. Relative position
 * and jigsaw puzzles need this; textures do not have it. Diagonal neighbours are excluded because of their larger distance.
 * @param images [count, side, side, 1 or 3]
 */
export function layout(images: HostImages): ClassifierAccuracy {
  const [all, side] = images.shape
  const count = side < SMALLEST_LAYOUT ? 0 : Math.min(MOST, all)
  const directions = NEIGHBOURS.length
  const width = 2 * FEATURES
  const values = new Float32Array(count * directions * width)
  const answers = Uint8Array.from({ length: count * directions }, (_, i) => i % directions)
  for (let image = 0; image < count; image++) {
    const patches = patchesOf(planesOf(images, Math.floor((image * all) / count)))
    for (const [answer, number] of NEIGHBOURS.entries()) {
      const at = (image * directions + answer) * width
      values.set(patches[number]!, at)
      values.set(
        patches[number]!.map((value, j) => value - patches[4]![j]!),
        at + FEATURES,
      )
    }
  }
  return classifierAccuracy({
    candidates: directions,
    features: width,
    values,
    answers,
    perImage: directions,
  })
}

/** Features of each of the nine patches, in row-major order. */
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
