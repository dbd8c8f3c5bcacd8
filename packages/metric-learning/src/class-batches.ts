import { derive, expected, type Seed, uniforms } from '@selfsup/core'

export interface ClassBatchOptions {
  readonly batchSize: number
  /** K: images of each class in a batch */
  readonly perClass: number
  readonly seed: Seed
}

/**
 * An epoch of balanced batches: each of P = batchSize / K classes with K images, class after class (P x K sampling:
 * Hermans et al. 2017, arXiv:1703.07737, section 2). No image is seen twice; what is left over of a class, or of
 * the larger classes, waits for another epoch. As many batches in every epoch.
 * @param labels class of each image, -1 for those to leave out
 * @returns positions, whole batches of them
 * @throws SelfsupError when K does not divide the batch, there are fewer than P classes, or one has fewer than K images
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
    `${where}: a batch of ${batchSize} cannot hold ${perClass} pictures of each of two or more classes; take a multiple of ${perClass}, ${2 * perClass} at least, or set perClass`,
  )
  expected(
    classes.size >= perBatch,
    `${where}: a batch of ${batchSize} with ${perClass} of each class needs ${perBatch} classes, and there are ${classes.size}; take a batch of at most ${classes.size * perClass}, or set perClass to at least ${Math.ceil(batchSize / Math.max(1, classes.size))}`,
  )
  const [smallest, members] = [...classes].reduce((a, b) => (b[1].length < a[1].length ? b : a))
  expected(
    members.length >= perClass,
    `${where}: class ${smallest} has ${members.length} pictures, fewer than the ${perClass} that a batch takes of each; set perClass to at most ${members.length}, or leave the class out`,
  )
  const parts = [...classes.values()].map((members, number) =>
    cut(shuffled(members, derive(seed, number)), perClass),
  )
  return spread(parts, perBatch, derive(seed, parts.length))
}

/** Positions of each class's images, by class. */
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

/** Whole parts of so many. */
function cut(members: readonly number[], size: number): number[][] {
  return Array.from({ length: Math.floor(members.length / size) }, (_, i) =>
    members.slice(i * size, (i + 1) * size),
  )
}

/**
 * Batches of parts of different classes, in random order. Each takes the classes that have most parts left, equal ones at
 * random: so the largest number of batches comes about, the same whatever the seed.
 */
function spread(parts: number[][][], perBatch: number, seed: Seed): Uint32Array {
  const batches: number[][] = []
  for (;;) {
    const draws = uniforms(derive(seed, batches.length), parts.length)
    const order = [...parts.keys()].sort(
      (a, b) => parts[b]!.length - parts[a]!.length || draws[a]! - draws[b]!,
    )
    const taken = order.slice(0, perBatch)
    if (parts[taken.at(-1)!]!.length === 0) break
    batches.push(taken.flatMap((number) => parts[number]!.pop()!))
  }
  const order = shuffled([...batches.keys()], derive(seed, batches.length))
  return Uint32Array.from(order.flatMap((batch) => batches[batch]!))
}

function shuffled(items: readonly number[], seed: Seed): number[] {
  const draws = uniforms(seed, items.length)
  return [...items.keys()].sort((a, b) => draws[a]! - draws[b]!).map((position) => items[position]!)
}
