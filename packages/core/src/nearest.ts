/**
 * The candidate with the smallest Levenshtein distance to a word, ignoring case. Undefined if the distance is more than a third
 * of the word's length and more than 2.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: distance(word.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)
  const best = ranked[0]
  return best && best.distance <= Math.max(2, Math.floor(word.length / 3)) ? best.candidate : undefined
}

/** Message for an unknown name, with a suggestion and all available names: "unknown method 'simclear'; did you mean 'simclr'?". */
export function unknownName(kind: string, word: string, candidates: readonly string[]): string {
  const guess = nearest(word, candidates)
  const hint = guess ? `; did you mean '${guess}'?` : ''
  return `unknown ${kind} '${word}'${hint}${hint ? '' : ';'} available: ${[...candidates].join(', ')}`
}

function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      row[j] = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1))
    }
    previous = row
  }
  return previous[b.length]!
}
