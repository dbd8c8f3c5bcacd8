/** A word that the project does not use, and what to write instead. */
interface AvoidedWord {
  readonly word: RegExp
  readonly write: string
}

/**
 * Words of the glossary that are unambiguous enough for a check. Where a word has a legitimate use, the file is listed in
 * `allowed`, with the reason.
 */
const avoided: readonly AvoidedWord[] = [
  { word: /\bpictures?\b/i, write: 'image' },
  { word: /\b(?:NVIDIA|graphics) cards?\b/i, write: 'GPU' },
  { word: /\bmend(?:s|ed|ing|able)?\b/i, write: 'fix, repair' },
  { word: /\banew\b/i, write: 'again, from the start' },
  { word: /\bforetold\b/i, write: 'announced, predicted' },
  { word: /\bunder ?way\b/i, write: 'pending, running' },
  { word: /\blacks?\b/i, write: 'has no, does not support, is missing' },
  { word: /\bbeside\b/i, write: 'next to, alongside, in addition to' },
  { word: /\bjudg(?:e[ds]?|ing)\b/i, write: 'evaluate' },
  { word: /\b(?:is|are|be|was) told\b/i, write: 'is reported, is passed, receives' },
  { word: /\bis no (?:JSON|number|folder|file|image|run)\b/i, write: 'is not (valid) …' },
  { word: /\bbefore so many\b/i, write: 'fewer than n' },
  { word: /\bhalf the bits\b|\bhalved bits\b/i, write: 'bfloat16, float16, mixed precision' },
  { word: /\ball the same,/i, write: 'nevertheless' },
]

/** Files in which a word may stand, and why. Paths are relative to the repository's root. */
const allowed: readonly { readonly file: RegExp; readonly word: RegExp; readonly why: string }[] = [
  { file: /^tooling\/words\//, word: /./, why: 'this list' },
  {
    file: /^packages\/(?:run-folder|report|runs)\/|^tooling\/browser\/|^ARCHITECTURE\.md$/,
    word: /^pictures$/i,
    why: 'a folder of runs and a key of format 2 have that name',
  },
  {
    file: /^packages\/cli\/(?:README\.md|src\/commands\/(?:report|serve|evaluate)\.command\.ts)$/,
    word: /^(?:pictures|anew)$/,
    why: 'the flags --no-pictures and --anew',
  },
  {
    file: /^packages\/generative\/src\/(?:decoder|generator)\.ts$/,
    word: /^pictures$/,
    why: 'a layer has that name, and checkpoints name weights by layers',
  },
]

/** One use of an avoided word. */
export interface Found {
  readonly line: number
  readonly word: string
  readonly write: string
}

/**
 * The avoided words of a text. Words inside identifiers count too: `pictureSize`, `isUnderway`.
 * @param file its path relative to the repository's root
 */
export function avoidedWords(file: string, text: string): Found[] {
  return text.split('\n').flatMap((line, index) => {
    const words = line.replace(/([a-z0-9])([A-Z])/g, '$1 $2').replaceAll('_', ' ')
    return avoided.flatMap(({ word, write }) => {
      const found = word.exec(words)
      if (!found) return []
      const may = allowed.some((exception) => exception.file.test(file) && exception.word.test(found[0]))
      return may ? [] : [{ line: index + 1, word: found[0], write }]
    })
  })
}
