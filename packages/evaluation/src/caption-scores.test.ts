import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { bleu, type CaptionedImage, cider, wordsOf } from './caption-scores.js'

const cases: { images: CaptionedImage[]; bleu: number[]; cider: number }[] = JSON.parse(
  readFileSync(new URL('./fixtures/captions.json', import.meta.url), 'utf8'),
)

test.each(cases.map((each, i) => [i, each] as const))(
  "equals the COCO caption code's scores, case %i",
  (_, each) => {
    for (const [n, value] of bleu(each.images).entries()) expect(value).toBeCloseTo(each.bleu[n]!, 10)
    expect(cider(each.images)).toBeCloseTo(each.cider, 10)
  },
)

test('captions equal to their references have the highest score', () => {
  const captions = ['a red star at the top', 'a blue circle in the middle']
  const images = captions.map((made) => ({ made, references: [made] }))
  for (const value of bleu(images)) expect(value).toBeCloseTo(1, 6)
  expect(cider(images)).toBeCloseTo(10, 6)
})

test('wordsOf removes case and punctuation', () => {
  expect(wordsOf('A medium-sized, RED star — it’s “big”.')).toEqual([
    'a',
    'medium-sized',
    'red',
    'star',
    'it’s',
    'big',
  ])
})

test('throws for images without references', () => {
  expect(() => bleu([])).toThrow('there are no images')
  expect(() => cider([{ made: 'a', references: [] }])).toThrow('image 0 has no reference caption')
})
