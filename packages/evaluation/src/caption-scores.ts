import { expected } from '@selfsup/core'

/** A caption that was made for a picture, and those that people gave it. */
export interface CaptionedPicture {
  readonly made: string
  readonly references: readonly string[]
}

/** What sentences are scored by: their words, lower case, without punctuation; hyphens and apostrophes within words stay. */
export function wordsOf(sentence: string): string[] {
  return sentence.toLowerCase().match(/[\p{L}\p{N}]+(?:[-'’][\p{L}\p{N}]+)*/gu) ?? []
}

/** Runs of one to so many words. */
const LONGEST = 4

/**
 * BLEU-1 to BLEU-4 over all pictures together (Papineni et al. 2002): geometric mean of the parts of the made captions'
 * runs of words that a reference has as well, times a penalty for captions shorter than the references nearest in length.
 * Equal to the COCO caption code's on the same words.
 * @returns four numbers, 0..1
 * @throws SelfsupError when there is no picture, or one without a reference
 */
export function bleu(pictures: readonly CaptionedPicture[]): [number, number, number, number] {
  checkReferences('bleu', pictures)
  const [right, guessed] = [new Float64Array(LONGEST), new Float64Array(LONGEST)]
  let [length, referenceLength] = [0, 0]
  for (const { made, references } of pictures) {
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
  // As the COCO code has it, so that nothing is divided by 0.
  const [small, tiny] = [1e-9, 1e-15]
  const ratio = (length + tiny) / (referenceLength + small)
  const penalty = ratio < 1 ? Math.exp(1 - 1 / ratio) : 1
  let product = 1
  return Array.from(right, (count, n) => {
    product *= (count + tiny) / (guessed[n]! + small)
    return product ** (1 / (n + 1)) * penalty
  }) as [number, number, number, number]
}

/** The length nearest to that of the made caption, the shorter of two. */
function nearestLength(lengths: readonly number[], made: number): number {
  return lengths.reduce((best, length) => {
    const [d, e] = [Math.abs(length - made), Math.abs(best - made)]
    return d < e || (d === e && length < best) ? length : best
  })
}

/** Standard deviation of the lengths' difference that CIDEr-D forgives. */
const SIGMA = 6

/**
 * CIDEr-D (Vedantam et al. 2015, arXiv:1411.5726, section 5): likeness of a made caption to its references by runs of one
 * to four words, each weighted by how seldom it is in the references of all pictures, so that what every caption says
 * counts little. Equal to the COCO caption code's on the same words.
 * @returns mean over the pictures, 0..10; 0 where there is only one picture
 * @throws SelfsupError when there is no picture, or one without a reference
 */
export function cider(pictures: readonly CaptionedPicture[]): number {
  checkReferences('cider', pictures)
  const references = pictures.map((picture) => picture.references.map((each) => runsOf(wordsOf(each))))
  const frequency = new Map<string, number>()
  for (const each of references)
    for (const run of new Set(each.flatMap((counts) => [...counts.keys()])))
      frequency.set(run, (frequency.get(run) ?? 0) + 1)
  const all = Math.log(pictures.length)
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
  const scores = pictures.map(({ made }, i) => {
    const own = weigh(runsOf(wordsOf(made)))
    const likeness = references[i]!.reduce((sum, reference) => sum + likenessOf(own, weigh(reference)), 0)
    return (10 * likeness) / references[i]!.length
  })
  return scores.reduce((sum, score) => sum + score, 0) / scores.length
}

interface Weighted {
  readonly weights: ReadonlyMap<string, number>
  /** of runs of each length */
  readonly norms: Float64Array
  /** in pairs of words, as the COCO code counts it */
  readonly length: number
}

/** Mean over the lengths of runs. */
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

/** How often each run of one to four words is there; words are separated by spaces. */
function runsOf(words: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (let n = 1; n <= LONGEST; n++)
    for (let at = 0; at + n <= words.length; at++) {
      const run = words.slice(at, at + n).join(' ')
      counts.set(run, (counts.get(run) ?? 0) + 1)
    }
  return counts
}

/** Words of a run, less one. */
function orderOf(run: string): number {
  let spaces = 0
  for (let at = run.indexOf(' '); at >= 0; at = run.indexOf(' ', at + 1)) spaces++
  return spaces
}

function checkReferences(where: string, pictures: readonly CaptionedPicture[]): void {
  expected(pictures.length > 0, `${where}: there is no picture`)
  const without = pictures.findIndex(({ references }) => references.length === 0)
  expected(without < 0, `${where}: picture ${without} has no reference caption`)
}
