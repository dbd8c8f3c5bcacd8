import { expected } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { ComparableImages } from './comparable-images.js'
import { duplicateThreshold, randomPairs } from './random-pairs.js'

export interface DuplicateOptions {
  /**
   * minimum cosine similarity of the features of near-duplicates; default `auto`: their distance is at most a fiftieth of the
   * median distance of random pairs (see `duplicateThreshold`)
   */
  readonly similarity?: number | 'auto'
  /** images per block; one step compares two blocks and needs memory for block^2 similarities and 2 * block features */
  readonly block?: number
  readonly signal?: AbortSignal
  readonly onProgress?: (done: number, total: number) => void
}

/** A group of near-duplicates. */
export interface DuplicateGroup {
  /** at least two paths, in the index's order */
  readonly paths: readonly string[]
  /** the folder or file that each of them was indexed with */
  readonly sources: readonly string[]
  /** the lowest similarity of the pairs that formed the group */
  readonly similarity: number
}

/**
 * Finds groups of near-duplicates: each image of a group has at least the given similarity to another image of the group.
 * Compares all pairs exactly, in blocks with bounded memory: 100,000 images are 5 * 10^9 pairs.
 * @returns the groups, largest first
 * @throws SelfsupError if the similarity is not within (-1, 1]
 */
export async function nearDuplicates(
  index: ComparableImages,
  { similarity: given = 'auto', block = 2048, signal, onProgress }: DuplicateOptions = {},
): Promise<DuplicateGroup[]> {
  const similarity =
    given === 'auto' ? duplicateThreshold((await randomPairs(index)) ?? { median: 0 }) : given
  expected(
    similarity > -1 && similarity <= 1,
    `nearDuplicates: similarity must be above -1 and at most 1; got ${similarity}`,
  )
  expected(Number.isInteger(block) && block >= 1, `nearDuplicates: block must be at least 1; got ${block}`)
  const { width } = index
  const count = await index.count()
  if (!width || count < 2) return []
  // An image and its copy have the same features up to rounding.
  const threshold = similarity - 1e-5
  const groups = new Groups(count)
  for (let start = 0; start < count; start += block) {
    let own: tf.Tensor2D | undefined
    let at = start
    try {
      for await (const values of blocksFrom(index, start, block, width)) {
        signal?.throwIfAborted()
        const others = tf.tensor2d(values, [values.length / width, width])
        own ??= others
        for (const [a, b, s] of await similarPairs(own, others, threshold))
          if (start + a < at + b) groups.join(start + a, at + b, s)
        at += others.shape[0]
        if (others !== own) others.dispose()
      }
    } finally {
      own?.dispose()
    }
    onProgress?.(Math.min(start + block, count), count)
  }
  return groups.named(await allImages(index))
}

/** Pairs of rows whose similarity reaches the threshold, with the similarity. */
async function similarPairs(
  a: tf.Tensor2D,
  b: tf.Tensor2D,
  threshold: number,
): Promise<[number, number, number][]> {
  const [similarities, most] = tf.tidy(() => {
    const all = tf.matMul(a, b, false, true) as tf.Tensor2D
    return [all, tf.max(all, 1)] as [tf.Tensor2D, tf.Tensor1D]
  })
  try {
    // Most blocks have few such pairs, so only rows with a pair are fetched.
    const rows = Array.from(await most.data<'float32'>()).flatMap((value, row) =>
      value >= threshold ? [row] : [],
    )
    if (rows.length === 0) return []
    const some = tf.tidy(() => tf.gather(similarities, tf.tensor1d(rows, 'int32')))
    const values = await some.data<'float32'>()
    some.dispose()
    const columns = b.shape[0]
    const pairs: [number, number, number][] = []
    for (const [i, value] of values.entries())
      if (value >= threshold) pairs.push([rows[Math.floor(i / columns)]!, i % columns, value])
    return pairs
  } finally {
    tf.dispose([similarities, most])
  }
}

/** Features in blocks of `block` rows, starting at a row. */
async function* blocksFrom(
  index: ComparableImages,
  from: number,
  block: number,
  width: number,
): AsyncGenerator<Float32Array> {
  let held = new Float32Array(block * width)
  let filled = 0
  for await (const { values } of index.rows(from)) {
    for (let at = 0; at < values.length; ) {
      const part = values.subarray(at, at + held.length - filled)
      held.set(part, filled)
      filled += part.length
      at += part.length
      if (filled < held.length) continue
      yield held
      held = new Float32Array(block * width)
      filled = 0
    }
  }
  if (filled > 0) yield held.subarray(0, filled)
}

async function allImages(index: ComparableImages): Promise<{ path: string; source: string }[]> {
  const images: { path: string; source: string }[] = []
  for await (const rows of index.listing()) images.push(...rows)
  return images
}

/** Disjoint sets that are merged pair by pair (union-find). */
class Groups {
  readonly #parent: Uint32Array
  readonly #least = new Map<number, number>()

  constructor(count: number) {
    this.#parent = Uint32Array.from({ length: count }, (_, i) => i)
  }

  join(a: number, b: number, similarity: number): void {
    const [x, y] = [this.#root(a), this.#root(b)]
    const least = Math.min(similarity, this.#least.get(x) ?? 1, this.#least.get(y) ?? 1)
    this.#parent[Math.max(x, y)] = Math.min(x, y)
    this.#least.set(Math.min(x, y), least)
  }

  #root(i: number): number {
    let root = i
    while (this.#parent[root] !== root) root = this.#parent[root]!
    for (let at = i; at !== root; ) {
      const next = this.#parent[at]!
      this.#parent[at] = root
      at = next
    }
    return root
  }

  named(images: readonly { path: string; source: string }[]): DuplicateGroup[] {
    const members = new Map<number, { path: string; source: string }[]>()
    for (const root of this.#least.keys()) members.set(this.#root(root), [])
    for (const [i, image] of images.entries()) members.get(this.#root(i))?.push(image)
    return [...members]
      .map(([root, group]) => ({
        paths: group.map(({ path }) => path),
        sources: group.map(({ source }) => source),
        similarity: Math.min(1, this.#least.get(root)!),
      }))
      .sort((a, b) => b.paths.length - a.paths.length || b.similarity - a.similarity)
  }
}
