import type { ImageDataset } from '@selfsup/core'
import { readFrom, recordDataset } from '@selfsup/data'
import { extractFeatures, type Features, kMeans, nearestImages } from '@selfsup/evaluation'
import { duplicateThreshold, memoryIndex, nearDuplicates, randomPairs } from '@selfsup/retrieval'
import type { Found } from '../messages.js'
import type { Learning } from './learning.js'

/** Images that a search shows. */
const SHOWN = 24

/** Features of all images at the learning's present step. */
export function featuresOf(
  { method, size, normalisation }: Learning,
  dataset: ImageDataset,
  onProgress: (done: number, total: number) => void,
): Promise<Features> {
  const { backbone } = method.networks
  return extractFeatures(backbone, dataset, { size, normalisation, batchSize: 64, onProgress })
}

/** The images most like one of them; the image itself is left out. */
export async function similarTo(features: Features, index: number): Promise<Found[]> {
  const [found = []] = await nearestImages(features, features, [index], SHOWN + 1)
  return found
    .filter(({ row }) => row !== index)
    .slice(0, SHOWN)
    .map(({ row, similarity }) => ({ index: row, similarity }))
}

/** The images most like another image. @param pixels [size, size, 3] */
export async function similarToPixels(
  learning: Learning,
  features: Features,
  pixels: Uint8Array,
  size: number,
): Promise<Found[]> {
  const one = recordDataset({
    name: 'your image',
    count: 1,
    height: size,
    width: size,
    channels: 3,
    fingerprint: '',
    read: readFrom(pixels, pixels.length),
  })
  const query = await featuresOf(learning, one, () => {})
  const [found = []] = await nearestImages(features, query, [0], SHOWN)
  return found.map(({ row, similarity }) => ({ index: row, similarity }))
}

/** Groups of images, largest first; the images of each, most typical ones first. */
export async function clustersOf(features: Features, clusters: number): Promise<number[][]> {
  const { count, width } = features
  const values = unitRows(features)
  const { assignments, centres } = await kMeans({ values, count, width }, { clusters, restarts: 3 })
  const distance = (row: number) => {
    const [at, centre] = [row * width, assignments[row]! * width]
    let sum = 0
    for (let i = 0; i < width; i++) sum += (values[at + i]! - centres[centre + i]!) ** 2
    return sum
  }
  const distances = Float64Array.from({ length: count }, (_, row) => distance(row))
  const groups: number[][] = Array.from({ length: clusters }, () => [])
  for (let row = 0; row < count; row++) groups[assignments[row]!]!.push(row)
  for (const group of groups) group.sort((a, b) => distances[a]! - distances[b]!)
  return groups.filter((group) => group.length > 0).sort((a, b) => b.length - a.length)
}

function unitRows({ values, count, width }: Features): Float32Array {
  const unit = values.slice()
  for (let row = 0; row < count; row++) {
    const own = unit.subarray(row * width, (row + 1) * width)
    const length = Math.sqrt(own.reduce((sum, value) => sum + value * value, 0)) || 1
    for (let i = 0; i < width; i++) own[i]! /= length
  }
  return unit
}

/** Groups of images that are nearly the same. */
export async function duplicatesOf(features: Features) {
  const index = memoryIndex(
    features,
    Array.from({ length: features.count }, (_, i) => String(i)),
  )
  const similarity = duplicateThreshold((await randomPairs(index)) ?? { median: 0 })
  const groups = await nearDuplicates(index, { similarity })
  return groups.map((group) => ({ images: group.paths.map(Number), similarity: group.similarity }))
}
