import { expected } from '@selfsup/core'
import * as tf from '@tensorflow/tfjs-core'
import type { ImageIndex } from './image-index.js'

export interface DuplicateOptions {
  /** two images at least so alike (cosine of their features) are near-duplicates; default 0.98 */
  readonly similarity?: number
  /** images compared with as many others at a time; memory is this squared, and twice this many features */
  readonly block?: number
  readonly signal?: AbortSignal
  readonly onProgress?: (done: number, total: number) => void
}

/** Images that are nearly the same. */
export interface DuplicateGroup {
  /** two or more, in the index's order */
  readonly paths: readonly string[]
  /** of the least alike of the pairs that joined them */
  readonly similarity: number
}

/**
 * Groups of images that are nearly the same: each has another in its group that is at least so alike. Every image is
 * compared with every other, exactly, in blocks of bounded memory: 100,000 images are 5 * 10^9 pairs.
 * @returns the largest groups first
 * @throws SelfsupError when the similarity is not within (-1, 1]
 */
export async function nearDuplicates(
  index: ImageIndex,
  { similarity = 0.98, block = 2048, signal, onProgress }: DuplicateOptions = {},
): Promise<DuplicateGroup[]> {
  expected(
    similarity > -1 && similarity <= 1,
    `nearDuplicates: similarity must be above -1 and at most 1; got ${similarity}`,
  )
  expected(Number.isInteger(block) && block >= 1, `nearDuplicates: block must be at least 1; got ${block}`)
  const { width } = index
  const count = await index.count()
  if (!width || count < 2) return []
  // A picture and its copy give the same features up to rounding.
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
        for (const [a, b, s] of await alike(own, others, threshold))
          if (start + a < at + b) groups.join(start + a, at + b, s)
        at += others.shape[0]
        if (others !== own) others.dispose()
      }
    } finally {
      own?.dispose()
    }
    onProgress?.(Math.min(start + block, count), count)
  }
  return groups.named(await allPaths(index))
}

/** Pairs of rows that are at least so alike, with how much. */
async function alike(a: tf.Tensor2D, b: tf.Tensor2D, threshold: number): Promise<[number, number, number][]> {
  const [similarities, most] = tf.tidy(() => {
    const all = tf.matMul(a, b, false, true) as tf.Tensor2D
    return [all, tf.max(all, 1)] as [tf.Tensor2D, tf.Tensor1D]
  })
  try {
    // Most blocks hold few such pairs: only rows that have one are fetched.
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

/** Features from a row on, so many rows at a time. */
async function* blocksFrom(
  index: ImageIndex,
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

async function allPaths(index: ImageIndex): Promise<string[]> {
  const paths: string[] = []
  for await (const rows of index.rows()) paths.push(...rows.paths)
  return paths
}

/** Sets that are joined pair by pair. */
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

  named(paths: readonly string[]): DuplicateGroup[] {
    const members = new Map<number, string[]>()
    for (const root of this.#least.keys()) members.set(this.#root(root), [])
    for (const [i, path] of paths.entries()) members.get(this.#root(i))?.push(path)
    return [...members]
      .map(([root, group]) => ({ paths: group, similarity: Math.min(1, this.#least.get(root)!) }))
      .sort((a, b) => b.paths.length - a.paths.length || b.similarity - a.similarity)
  }
}
