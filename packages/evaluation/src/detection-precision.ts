import { expected } from '@selfsup/core'

/** [left, top, width, height] */
export type Box = readonly [number, number, number, number]

/** One detected object in an image. */
export interface Detection {
  readonly label: number
  readonly box: Box
  /** confidence; higher is more certain */
  readonly score: number
}

/** True and detected objects of one image. */
export interface DetectedImage {
  readonly truth: readonly { readonly label: number; readonly box: Box }[]
  readonly found: readonly Detection[]
}

/** COCO's metrics, 0..1. */
export interface DetectionScores {
  /** mean average precision over overlaps of 0.50, 0.55, ... 0.95 */
  readonly ap: number
  /** average precision at an overlap of 0.5, and of 0.75 */
  readonly ap50: number
  readonly ap75: number
  /** recall with at most `mostFound` detections per image, mean over overlaps and classes */
  readonly recall: number
  /** `ap` of each class that occurs, by its number */
  readonly perClass: Readonly<Record<number, number>>
}

const OVERLAPS = steps(0.5, 0.95, 10)
const RECALLS = steps(0, 1, 101)

/**
 * Average precision of detections as COCO defines it (Lin et al. 2014, arXiv:1405.0312; pycocotools' COCOeval over all areas).
 * For each class and overlap threshold, detections of all images, in order of their scores, are each matched to the free object
 * that they overlap most, if the overlap reaches the threshold. The precision, made monotonic, is averaged over 101 recalls.
 * @param images boxes may be in any unit, the same for all
 * @param options.mostFound highest-scored detections of each class in an image that count; default 100
 * @throws SelfsupError if no image contains an object, or a number is not finite
 */
export function detectionScores(
  images: readonly DetectedImage[],
  { mostFound = 100 }: { readonly mostFound?: number } = {},
): DetectionScores {
  for (const { truth, found } of images)
    for (const each of [...truth, ...found])
      expected(
        each.box.every(Number.isFinite) && (!('score' in each) || Number.isFinite(each.score)),
        `detectionScores: boxes and scores must be finite; got ${JSON.stringify(each)}`,
      )
  const labels = [...new Set(images.flatMap(({ truth }) => truth.map(({ label }) => label)))].sort(
    (a, b) => a - b,
  )
  expected(labels.length > 0, 'detectionScores: no image contains an object')
  const classes = labels.map((label) => scoresOfClass(images, label, mostFound))
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const at = (overlap: number) => mean(classes.map(({ precisions }) => precisions[overlap]!))
  return {
    ap: mean(classes.map(({ precisions }) => mean(precisions))),
    ap50: at(0),
    ap75: at(5),
    recall: mean(classes.map(({ recalls }) => mean(recalls))),
    perClass: Object.fromEntries(labels.map((label, i) => [label, mean(classes[i]!.precisions)])),
  }
}

function scoresOfClass(images: readonly DetectedImage[], label: number, mostFound: number) {
  const own = images.map(({ truth, found }) => {
    const boxes = truth.filter((each) => each.label === label).map(({ box }) => box)
    const best = found.filter((each) => each.label === label).sort((a, b) => b.score - a.score)
    const kept = best.slice(0, mostFound)
    return { boxes, kept, overlaps: kept.map(({ box }) => boxes.map((other) => overlapOf(box, other))) }
  })
  const wanted = own.reduce((sum, { boxes }) => sum + boxes.length, 0)
  const precisions: number[] = []
  const recalls: number[] = []
  for (const least of OVERLAPS) {
    const matches = own.flatMap(({ kept, boxes, overlaps }) => {
      const right = matched(overlaps, boxes.length, least)
      return kept.map(({ score }, i) => ({ score, right: right[i]! }))
    })
    matches.sort((a, b) => b.score - a.score)
    const { precision, recall } = averagePrecision(matches, wanted)
    precisions.push(precision)
    recalls.push(recall)
  }
  return { precisions, recalls }
}

/** Which detections, best first, match an object: the free one with the most overlap, the last of equal ones. */
function matched(overlaps: readonly (readonly number[])[], things: number, least: number): boolean[] {
  const taken = new Array<boolean>(things).fill(false)
  return overlaps.map((row) => {
    let best = -1
    let most = Math.min(least, 1 - 1e-10)
    for (const [thing, overlap] of row.entries()) {
      if (taken[thing] || overlap < most) continue
      most = overlap
      best = thing
    }
    if (best >= 0) taken[best] = true
    return best >= 0
  })
}

function averagePrecision(matches: readonly { readonly right: boolean }[], wanted: number) {
  const precision = new Float64Array(matches.length)
  const recall = new Float64Array(matches.length)
  let right = 0
  for (const [i, each] of matches.entries()) {
    if (each.right) right++
    recall[i] = right / wanted
    precision[i] = right / (i + 1 + Number.EPSILON)
  }
  for (let i = matches.length - 1; i > 0; i--) precision[i - 1] = Math.max(precision[i - 1]!, precision[i]!)
  let sum = 0
  let at = 0
  for (const least of RECALLS) {
    while (at < matches.length && recall[at]! < least) at++
    if (at < matches.length) sum += precision[at]!
  }
  return { precision: sum / RECALLS.length, recall: recall.at(-1) ?? 0 }
}

/** Intersection over union, 0..1. */
export function overlapOf([ax, ay, aw, ah]: Box, [bx, by, bw, bh]: Box): number {
  const width = Math.min(ax + aw, bx + bw) - Math.max(ax, bx)
  const height = Math.min(ay + ah, by + bh) - Math.max(ay, by)
  if (width <= 0 || height <= 0) return 0
  return (width * height) / (aw * ah + bw * bh - width * height)
}

/** `count` evenly spaced numbers from `first` to `last`, rounded as NumPy's linspace rounds them. */
function steps(first: number, last: number, count: number): number[] {
  const step = (last - first) / (count - 1)
  return Array.from({ length: count }, (_, i) => (i === count - 1 ? last : first + i * step))
}
