import { expect, test } from 'vitest'
import { csv } from './csv.js'

test('fields with commas, quotation marks and line breaks are quoted', () => {
  expect(
    csv(
      ['image', 'x'],
      [
        ['a b.png', 0.5],
        ['a,"b"\n.png', 1],
      ],
    ),
  ).toBe('image,x\r\na b.png,0.5\r\n"a,""b""\n.png",1\r\n')
})
