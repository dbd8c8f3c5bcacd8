import { derive, expected, type Seed, uniforms } from '@selfsup/core'

export interface ClassBatchOptions {
  readonly batchSize: number
  /** K: number of images of each class in a batch */
  readonly perClass: number
  readonly seed: Seed
}

/**
 * Draws the balanced batches of an epoch: each contains P = batchSize / K classes with K consecutive images each (P x K
 * sampling: Hermans et al. 2017, arXiv:1703.07737, section 2). No image occurs twice. Images that do not fill a group of K,
 * and surplus groups of larger classes, are left out. Every epoch has the same number of batches.
 * @param labels class of each image; images with -1 are left out
 * @returns positions of the images, in full batches
 * @throws SelfsupError when K does not divide the batch size, there are fewer than P classes, or a class has fewer than K
 *   images
 */
export function classBatches(
  labels: Int32Array,
  { batchSize, perClass, seed }: ClassBatchOptions,
): Uint32Array {
  const classes = membersOf(labels)
  const perBatch = batchSize / perClass
  const where = 'metric-learning'
  expected(
    Number.isInteger(perBatch) && perBatch >= 2,
    `${where}: the batch size must be a multiple of perClass (${perClass}) and at least ${2 * perClass}; got ${batchSize}; change the batch size or perClass`,
  )
  expected(
    classes.size >= perBatch,
    `${where}: a batch of ${batchSize} images with ${perClass} per class needs ${perBatch} classes; got ${classes.size}; set the batch size to at most ${classes.size * perClass}, or perClass to at least ${Math.ceil(batchSize / Math.max(1, classes.size))}`,
  )
  const [smallest, members] = [...classes].reduce((a, b) => (b[1].length < a[1].length ? b : a))
  expected(
    members.length >= perClass,
    `${where}: each class needs at least perClass (${perClass}) images; class ${smallest} has ${members.length}; set perClass to at most ${members.length}, or remove the class`,
  )
  const parts = [...classes.values()].map((members, number) =>
    cut(shuffled(members, derive(seed, number)), perClass),
  )
  return spread(parts, perBatch, derive(seed, parts.length))
}

/** Positions of the images of each class, sorted by class. */
function membersOf(labels: Int32Array): Map<number, number[]> {
  const classes = new Map<number, number[]>()
  labels.forEach((label, position) => {
    if (label < 0) return
    const members = classes.get(label)
    if (members) members.push(position)
    else classes.set(label, [position])
  })
  return new Map([...classes].sort(([a], [b]) => a - b))
}

/** Splits into parts of the given size and drops the rest. */
function cut(members: readonly number[], size: number): number[][] {
  return Array.from({ length: Math.floor(members.length / size) }, (_, i) =>
    members.slice(i * size, (i + 1) * size),
  )
}

/**
 * Combines parts of different classes to batches, in random order. Each batch takes the classes with the most parts left
 * (ties are broken at random), which gives the largest possible number of batches, independent of the seed.
 */
function spread(parts: number[][][], perBatch: number, seed: Seed): Uint32Array {
  const batches: number[][] = []
  for (;;) {
    const draws = uniforms(derive(seed, batches.length), parts.length)
    const order = [...parts.keys()].sort(
      (a, b) => parts[b]!.length - parts[a]!.length || draws[a]! - draws[b]!,
    )
    const chosen = order.slice(0, perBatch)
    if (parts[chosen.at(-1)!]!.length === 0) break
    batches.push(chosen.flatMap((number) => parts[number]!.pop()!))
  }
  const order = shuffled([...batches.keys()], derive(seed, batches.length))
  return Uint32Array.from(order.flatMap((batch) => batches[batch]!))
}

function shuffled(items: readonly number[], seed: Seed): number[] {
  const draws = uniforms(seed, items.length)
  return [...items.keys()].sort((a, b) => draws[a]! - draws[b]!).map((position) => items[position]!)
}
