import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { avoidedWords } from './words.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const texts = /\.(?:ts|tsx|mjs|js|md|py|cc|h|css|html|yml|yaml)$/
const generated = /(?:^|\/)(?:CHANGELOG\.md|pnpm-lock\.yaml)$/

/** Files that git tracks or would track. */
function files(): string[] {
  const list = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: root,
    maxBuffer: 1 << 26,
  })
  return list
    .toString()
    .split('\0')
    .filter((file) => texts.test(file) && !generated.test(file))
}

test('the project’s texts use the words of its glossary', () => {
  const found = files().flatMap((file) => {
    let text: string
    try {
      text = readFileSync(`${root}/${file}`, 'utf8')
    } catch {
      return [] // deleted and not yet committed
    }
    return avoidedWords(file, text).map(
      ({ line, word, write }) => `${file}:${line}: "${word}": write ${write}`,
    )
  })
  expect(found).toEqual([])
})

test.each([
  ['a comment', '/** mends the picture */', ['picture', 'mends']],
  ['an identifier', 'const pictureSize = 3', ['picture']],
  ['a file name', "import './lossesUnderway.js'", ['Underway']],
  ['plain words', 'the image is 32 pixels wide', []],
  ['a part of a word', 'a black discard of amendments', []],
])('finds avoided words in %s', (_, text, words) => {
  expect(
    avoidedWords('packages/x/src/x.ts', text)
      .map(({ word }) => word)
      .sort(),
  ).toEqual([...words].sort())
})
