import type { HostImages } from '@selfsup/core'
import { cellMeans, gradientHistograms, type Planes, planesOf, turned } from './pixels.js'
import { type ToldApart, toldApart } from './told-apart.js'

/** What of a picture's orientation can be told from it. */
export interface Orientation {
  /** upright from turned by 90, 180 and 270 degrees: what rotation prediction asks for */
  readonly turns: ToldApart
  /** upright from upside down */
  readonly upsideDown: ToldApart
  /** as it is from its mirror image: what mirroring throws away */
  readonly mirrored: ToldApart
}

/** Pictures that are turned and mirrored; from these on the interval is narrow enough. */
const MOST = 2000

const LAYOUT_ROWS = 8
const COLOUR_ROWS = 4
const EDGE_ROWS = 4

/**
 * Whether pictures have an up, and a left: how often a small classifier finds the picture as it is among its turned and
 * mirrored copies, by where it is bright, coloured, and how its edges run.
 * @param images [pictures, side, side, 1 or 3]
 */
export function orientation(images: HostImages): Orientation {
  const all = images.shape[0]
  const count = Math.min(MOST, all)
  const copies = Array.from({ length: count }, (_, number) => {
    const planes = planesOf(images, Math.floor((number * all) / count))
    const quarters = ([0, 1, 2, 3] as const).map((turn) => layoutFeatures(turned(planes, turn)))
    return { quarters, mirror: layoutFeatures(turned(planes, 0, true)) }
  })
  const features = copies[0]?.mirror.length ?? 1
  const among = (candidatesOf: (copy: (typeof copies)[number]) => readonly Float32Array[]) => {
    const rows = copies.flatMap(candidatesOf)
    const values = new Float32Array(rows.length * features)
    for (const [row, part] of rows.entries()) values.set(part, row * features)
    return toldApart({ candidates: rows.length / Math.max(1, count) || 2, features, values })
  }
  return {
    turns: among(({ quarters }) => quarters),
    upsideDown: among(({ quarters }) => [quarters[0]!, quarters[2]!]),
    mirrored: among(({ quarters, mirror }) => [quarters[0]!, mirror]),
  }
}

/** Where a picture is bright and coloured, and where edges of which direction lie; relative to its own mean and contrast. */
function layoutFeatures({ side, brightness, redGreen, blueYellow }: Planes): Float32Array {
  const light = cellMeans(brightness, side, LAYOUT_ROWS)
  const colours = [redGreen, blueYellow].map((plane) =>
    plane ? cellMeans(plane, side, COLOUR_ROWS) : new Float32Array(0),
  )
  const edges = gradientHistograms(brightness, side, EDGE_ROWS)
  const total = edges.reduce((sum, value) => sum + value, 1e-3 * side)
  const features = new Float32Array(light.length + colours[0]!.length * 2 + edges.length)
  let at = 0
  for (const part of [light, ...colours]) {
    features.set(part, at)
    at += part.length
  }
  // Square roots: few strong edges do not outweigh all others.
  for (const strength of edges) features[at++] = Math.sqrt(strength / total)
  return features
}
