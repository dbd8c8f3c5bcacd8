import type { HostImages } from '@selfsup/core'
import { type ClassifierAccuracy, classifierAccuracy } from './classifier-accuracy.js'
import { cellMeans, gradientHistograms, type Planes, planesOf, turned } from './pixels.js'

/** How well an image's orientation can be recognised. */
export interface Orientation {
  /** upright against rotations by 90, 180 and 270 degrees: the task of rotation prediction */
  readonly turns: ClassifierAccuracy
  /** upright against upside down */
  readonly upsideDown: ClassifierAccuracy
  /** the original against its mirror image: the information that mirroring removes */
  readonly mirrored: ClassifierAccuracy
}

/** Maximum number of images: enough for a narrow interval. */
const MOST = 2000

const LAYOUT_ROWS = 8
const COLOUR_ROWS = 4
const EDGE_ROWS = 4

/**
 * Whether images have an upright orientation, and whether left and right matter: how often a small classifier finds the original
 * among its rotated and mirrored copies, from brightness, colour and edge directions.
 * @param images [count, side, side, 1 or 3]
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
    return classifierAccuracy({ candidates: rows.length / Math.max(1, count) || 2, features, values })
  }
  return {
    turns: among(({ quarters }) => quarters),
    upsideDown: among(({ quarters }) => [quarters[0]!, quarters[2]!]),
    mirrored: among(({ quarters, mirror }) => [quarters[0]!, mirror]),
  }
}

/** Brightness and colour per cell, and edge directions per cell, relative to the total edge strength. */
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
  // Square roots, so that a few strong edges do not dominate.
  for (const strength of edges) features[at++] = Math.sqrt(strength / total)
  return features
}
