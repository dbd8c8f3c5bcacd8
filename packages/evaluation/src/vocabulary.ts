import { expected } from '@selfsup/core'
import { wordsOf } from './caption-scores.js'

/** Words by number; 0 is the end token and padding, 1 stands for unknown words. */
export interface Vocabulary {
  readonly words: readonly string[]
  /** length of the longest caption, in words */
  readonly longest: number
  /** Numbers of a caption's words, truncated to `longest`, padded with 0 to longest + 1 numbers. */
  encode(caption: string): Int32Array
  decode(numbers: ArrayLike<number>): string
}

const MARKS = ['<end>', '<unknown>']

/**
 * Creates a vocabulary from captions.
 * @param options.atLeast minimum number of occurrences of a known word; default 1
 * @param options.mostWords length to which captions are truncated; default 30
 * @throws SelfsupError if the captions have no words
 */
export function vocabularyOf(captions: readonly string[], { atLeast = 1, mostWords = 30 } = {}): Vocabulary {
  const counts = new Map<string, number>()
  let longest = 0
  for (const caption of captions) {
    const words = wordsOf(caption)
    longest = Math.max(longest, Math.min(words.length, mostWords))
    for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  }
  expected(counts.size > 0, 'vocabularyOf: the captions contain no words')
  const known = [...counts].filter(([, count]) => count >= atLeast).map(([word]) => word)
  const words = [...MARKS, ...known.sort()]
  const numbers = new Map(words.map((word, number) => [word, number]))
  return {
    words,
    longest,
    encode(caption) {
      const row = new Int32Array(longest + 1)
      for (const [i, word] of wordsOf(caption).slice(0, longest).entries()) row[i] = numbers.get(word) ?? 1
      return row
    },
    decode(row) {
      const end = Array.from(row).indexOf(0)
      const kept = Array.from(row).slice(0, end < 0 ? undefined : end)
      return kept.map((number) => words[number] ?? MARKS[1]).join(' ')
    },
  }
}
