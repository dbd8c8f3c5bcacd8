import { type AnnotatedBox, centralCropBox } from '@selfsup/core'
import { type Box, type Detection, overlapOf } from './detection-precision.js'

/** What a place is to say: its class, -1 for nothing, and how far its middle is from the box's sides, in pixels. */
export interface PlaceTargets {
  /** one for each place, row after row of the map */
  readonly labels: Int32Array
  /** left, top, right, bottom of each place */
  readonly sides: Float32Array
}

/** A map over a square picture. */
export interface Grid {
  /** places in a row, and rows */
  readonly side: number
  /** pixels from one place to the next */
  readonly stride: number
}

/** Places nearer to a box's middle than so many strides answer for it (FCOS's centre sampling). */
const RADIUS = 1.5

/**
 * Boxes as the network sees them: in the middle square of the picture, resized to `size`. Those whose middle lies outside
 * are left out, the others cut off at its sides.
 * @param picture [height, width]
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
 * What each place is to say of a picture (Tian et al. 2019, arXiv:1904.01355, section 3.1, with centre sampling): places
 * within a box and near its middle answer for it, for the smallest of several; a box in which no place lies has the
 * nearest one.
 */
export function placeTargets(
  boxes: readonly { readonly label: number; readonly box: Box }[],
  { side, stride }: Grid,
): PlaceTargets {
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
      // A place outside of its box can only reach it by a side of no length.
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

/** Of a place, in pixels. */
function middleOf(place: number, side: number, stride: number): [number, number] {
  return [((place % side) + 0.5) * stride, (Math.floor(place / side) + 0.5) * stride]
}

/** Scores below are no detections; boxes of one class that overlap a surer one more than so are it again (FCOS). */
const [LEAST_SCORE, MOST_OVERLAP, MOST] = [0.05, 0.6, 100]

/**
 * What a network found in a picture, from what its places say: surest first, without repetitions.
 * @param said of each place: a score for each class, 0..1, then left, top, right, bottom in pixels
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
