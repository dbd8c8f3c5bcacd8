import { type AnnotatedBox, centralCropBox } from '@selfsup/core'
import { type Box, type Detection, overlapOf } from './detection-precision.js'

/** Targets of each location: its class, -1 for background, and the distances from it to the box's sides, in pixels. */
export interface LocationTargets {
  /** one per location, in row-major order */
  readonly labels: Int32Array
  /** left, top, right, bottom of each location */
  readonly sides: Float32Array
}

/** A grid of locations over a square image. */
export interface Grid {
  /** number of rows and columns */
  readonly side: number
  /** pixels between neighbouring locations */
  readonly stride: number
}

/** Locations within this many strides of a box's centre are positive (FCOS's centre sampling). */
const RADIUS = 1.5

/**
 * Boxes in the coordinates of the network's input: the image's central square, resized to `size`. Boxes whose centre is outside
 * are left out, the others are clipped.
 * @param imageSize [height, width] of the image
 */
export function seenBoxes(
  boxes: readonly AnnotatedBox[],
  [height, width]: readonly [number, number],
  size: number,
): { label: number; box: Box }[] {
  const seen = centralCropBox(height, width, [1, 1])
  const scale = size / seen.height
  const cut = (value: number) => Math.min(size, Math.max(0, value))
  return boxes.flatMap(({ label, box: [x, y, w, h] }) => {
    const [left, top] = [(x - seen.left) * scale, (y - seen.top) * scale]
    const [right, bottom] = [left + w * scale, top + h * scale]
    const [middleX, middleY] = [(left + right) / 2, (top + bottom) / 2]
    if (middleX < 0 || middleX >= size || middleY < 0 || middleY >= size) return []
    const box: Box = [cut(left), cut(top), cut(right) - cut(left), cut(bottom) - cut(top)]
    return [{ label, box }]
  })
}

/**
 * Targets of each location of an image (Tian et al. 2019, arXiv:1904.01355, section 3.1, with centre sampling): a location inside
 * a box and near its centre is assigned to it, to the smallest of several boxes. A box that contains no location is assigned
 * the nearest one.
 */
export function placeTargets(
  boxes: readonly { readonly label: number; readonly box: Box }[],
  { side, stride }: Grid,
): LocationTargets {
  const labels = new Int32Array(side * side).fill(-1)
  const sides = new Float32Array(side * side * 4)
  const largestFirst = [...boxes].sort((a, b) => b.box[2] * b.box[3] - a.box[2] * a.box[3])
  for (const { label, box } of largestFirst) {
    const [left, top, width, height] = box
    const places: number[] = []
    for (let place = 0; place < side * side; place++) {
      const [x, y] = middleOf(place, side, stride)
      const inside = x > left && x < left + width && y > top && y < top + height
      const [dx, dy] = [Math.abs(x - left - width / 2), Math.abs(y - top - height / 2)]
      if (inside && Math.max(dx, dy) < RADIUS * stride) places.push(place)
    }
    if (places.length === 0) places.push(nearestPlace(left + width / 2, top + height / 2, { side, stride }))
    for (const place of places) {
      const [x, y] = middleOf(place, side, stride)
      labels[place] = label
      // A location outside its box keeps a positive distance: the network can't predict others.
      const distances = [x - left, y - top, left + width - x, top + height - y]
      sides.set(
        distances.map((distance) => Math.max(distance, 0.01)),
        place * 4,
      )
    }
  }
  return { labels, sides }
}

function nearestPlace(x: number, y: number, { side, stride }: Grid): number {
  const cell = (value: number) => Math.min(side - 1, Math.max(0, Math.floor(value / stride)))
  return cell(y) * side + cell(x)
}

/** Centre of a location, in pixels. */
function middleOf(place: number, side: number, stride: number): [number, number] {
  return [((place % side) + 0.5) * stride, (Math.floor(place / side) + 0.5) * stride]
}

/** Lowest score of a detection; overlap above which the lower-scored box of a class is suppressed; most detections (FCOS). */
const [LEAST_SCORE, MOST_OVERLAP, MOST] = [0.05, 0.6, 100]

/**
 * Detections in an image from the head's output, by non-maximum suppression, highest score first.
 * @param said for each location: a score per class, 0..1, then left, top, right, bottom in pixels
 */
export function detectionsOf(said: Float32Array, classes: number, { side, stride }: Grid): Detection[] {
  const found: Detection[] = []
  const width = classes + 4
  for (let place = 0; place < side * side; place++) {
    const at = place * width
    const [x, y] = middleOf(place, side, stride)
    for (let label = 0; label < classes; label++) {
      const score = said[at + label]!
      if (!(score >= LEAST_SCORE)) continue
      const [left, top, right, bottom] = said.subarray(at + classes, at + width) as unknown as number[]
      found.push({ label, score, box: [x - left!, y - top!, left! + right!, top! + bottom!] })
    }
  }
  found.sort((a, b) => b.score - a.score)
  const kept: Detection[] = []
  for (const each of found) {
    if (kept.length === MOST) break
    const again = kept.some(
      ({ label, box }) => label === each.label && overlapOf(box, each.box) > MOST_OVERLAP,
    )
    if (!again) kept.push(each)
  }
  return kept
}
