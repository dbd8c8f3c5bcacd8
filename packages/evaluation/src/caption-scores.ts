import { expected } from '@selfsup/core'

/** A generated caption of an image, and the reference captions written by people. */
export interface CaptionedImage {
  readonly made: string
  readonly references: readonly string[]
}

/** Words of a sentence as the scores count them: lower case, without punctuation except hyphens and apostrophes inside words. */
export function wordsOf(sentence: string): string[] {
  return sentence.toLowerCase().match(/[\p{L}\p{N}]+(?:[-'’][\p{L}\p{N}]+)*/gu) ?? []
}

/** Longest n-gram, in words. */
const LONGEST = 4

/**
 * BLEU-1 to BLEU-4 over all images together (Papineni et al. 2002): the geometric mean of the n-gram precisions of the
 * generated captions, times a penalty for captions shorter than their references of nearest length. Equal to the COCO caption
 * code's values on the same words.
 * @returns four numbers, 0..1
 * @throws SelfsupError if there are no images, or an image has no reference
 */
export function bleu(images: readonly CaptionedImage[]): [number, number, number, number] {
  checkReferences('bleu', images)
  const [right, guessed] = [new Float64Array(LONGEST), new Float64Array(LONGEST)]
  let [length, referenceLength] = [0, 0]
  for (const { made, references } of images) {
    const words = wordsOf(made)
    const lists = references.map(wordsOf)
    length += words.length
    referenceLength += nearestLength(
      lists.map((list) => list.length),
      words.length,
    )
    const counts = lists.map(runsOf)
    for (const [run, count] of runsOf(words)) {
      const most = Math.max(...counts.map((each) => each.get(run) ?? 0))
      right[orderOf(run)]! += Math.min(count, most)
    }
    for (let n = 0; n < LONGEST; n++) guessed[n]! += Math.max(0, words.length - n)
  }
  // The COCO code's constants, which avoid division by 0.
  const [small, tiny] = [1e-9, 1e-15]
  const ratio = (length + tiny) / (referenceLength + small)
  const penalty = ratio < 1 ? Math.exp(1 - 1 / ratio) : 1
  let product = 1
  return Array.from(right, (count, n) => {
    product *= (count + tiny) / (guessed[n]! + small)
    return product ** (1 / (n + 1)) * penalty
  }) as [number, number, number, number]
}

/** The reference length nearest to the generated caption's; the shorter of two equally near ones. */
function nearestLength(lengths: readonly number[], made: number): number {
  return lengths.reduce((best, length) => {
    const [d, e] = [Math.abs(length - made), Math.abs(best - made)]
    return d < e || (d === e && length < best) ? length : best
  })
}

/** Standard deviation, in words, of CIDEr-D's Gaussian penalty for the length difference. */
const SIGMA = 6

/**
 * CIDEr-D (Vedantam et al. 2015, arXiv:1411.5726, section 5): similarity of a generated caption to its references by n-grams of
 * 1 to 4 words, weighted by inverse document frequency over all images' references, so that n-grams that every caption has
 * count little. Equal to the COCO caption code's values on the same words.
 * @returns mean over the images, 0..10; 0 if there is only one image
 * @throws SelfsupError if there are no images, or an image has no reference
 */
export function cider(images: readonly CaptionedImage[]): number {
  checkReferences('cider', images)
  const references = images.map((image) => image.references.map((each) => runsOf(wordsOf(each))))
  const frequency = new Map<string, number>()
  for (const each of references)
    for (const run of new Set(each.flatMap((counts) => [...counts.keys()])))
      frequency.set(run, (frequency.get(run) ?? 0) + 1)
  const all = Math.log(images.length)
  const weigh = (counts: ReadonlyMap<string, number>): Weighted => {
    const weights = new Map<string, number>()
    const squares = new Float64Array(LONGEST)
    let length = 0
    for (const [run, count] of counts) {
      const weight = count * (all - Math.log(Math.max(1, frequency.get(run) ?? 0)))
      weights.set(run, weight)
      squares[orderOf(run)]! += weight * weight
      if (orderOf(run) === 1) length += count
    }
    return { weights, norms: squares.map(Math.sqrt), length }
  }
  const scores = images.map(({ made }, i) => {
    const own = weigh(runsOf(wordsOf(made)))
    const likeness = references[i]!.reduce((sum, reference) => sum + likenessOf(own, weigh(reference)), 0)
    return (10 * likeness) / references[i]!.length
  })
  return scores.reduce((sum, score) => sum + score, 0) / scores.length
}

interface Weighted {
  readonly weights: ReadonlyMap<string, number>
  /** one norm per n-gram length */
  readonly norms: Float64Array
  /** number of bigrams, the length that the COCO code uses */
  readonly length: number
}

/** Mean over the n-gram lengths. */
function likenessOf(made: Weighted, reference: Weighted): number {
  const products = new Float64Array(LONGEST)
  for (const [run, weight] of made.weights) {
    const other = reference.weights.get(run) ?? 0
    products[orderOf(run)]! += Math.min(weight, other) * other
  }
  const forgiven = Math.exp(-((made.length - reference.length) ** 2) / (2 * SIGMA ** 2))
  const likeness = products.map((product, n) => {
    const norm = made.norms[n]! * reference.norms[n]!
    return (norm > 0 ? product / norm : product) * forgiven
  })
  return likeness.reduce((sum, each) => sum + each, 0) / LONGEST
}

/** Counts of all n-grams of one to four words; the words of a key are separated by spaces. */
function runsOf(words: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (let n = 1; n <= LONGEST; n++)
    for (let at = 0; at + n <= words.length; at++) {
      const run = words.slice(at, at + n).join(' ')
      counts.set(run, (counts.get(run) ?? 0) + 1)
    }
  return counts
}

/** Number of words of an n-gram minus one. */
function orderOf(run: string): number {
  let spaces = 0
  for (let at = run.indexOf(' '); at >= 0; at = run.indexOf(' ', at + 1)) spaces++
  return spaces
}

function checkReferences(where: string, images: readonly CaptionedImage[]): void {
  expected(images.length > 0, `${where}: there are no images`)
  const without = images.findIndex(({ references }) => references.length === 0)
  expected(without < 0, `${where}: image ${without} has no reference caption`)
}
