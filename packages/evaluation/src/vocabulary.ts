import { expected } from '@selfsup/core'
import { wordsOf } from './caption-scores.js'

/** Words by number; 0 stands for the end and what follows it, 1 for words that are not known. */
export interface Vocabulary {
  readonly words: readonly string[]
  /** the longest caption that it was made of, in words */
  readonly longest: number
  /** Numbers of a caption's words, cut off at `longest`, filled up with 0: longest + 1 numbers. */
  encode(caption: string): Int32Array
  decode(numbers: ArrayLike<number>): string
}

const MARKS = ['<end>', '<unknown>']

/**
 * The words of captions.
 * @param options.atLeast how often a word must be there to be known; default 1
 * @param options.mostWords captions are cut off there; default 30
 * @throws SelfsupError when there is no word
 */
export function vocabularyOf(captions: readonly string[], { atLeast = 1, mostWords = 30 } = {}): Vocabulary {
  const counts = new Map<string, number>()
  let longest = 0
  for (const caption of captions) {
    const words = wordsOf(caption)
    longest = Math.max(longest, Math.min(words.length, mostWords))
    for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
  }
  expected(counts.size > 0, 'vocabularyOf: the captions hold no words')
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
