import { PassThrough } from 'node:stream'
import { SelfsupError } from '@selfsup/core'
import { afterEach, expect, test, vi } from 'vitest'
import { reportFailure } from './failure.js'
import { printable, printableLine } from './printable.js'
import { progressView } from './progress.js'
import { table } from './table.js'

const hostile = 'a\x1b[2J\x1b]0;title\x07\r\x9b31m\u202egnp.jpg'

afterEach(() => vi.restoreAllMocks())

test('escapes control characters and keeps all others', () => {
  expect(printable(hostile)).toBe('a\\x1b[2J\\x1b]0;title\\x07\\x0d\\x9b31m\\u202egnp.jpg')
  expect(printable('größe 東京 🐈\nnext')).toBe('größe 東京 🐈\nnext')
  expect(printableLine('a\nselfsup: all is well')).toBe('a\\nselfsup: all is well')
})

test('every output function escapes control characters', () => {
  const written: string[] = []
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => Boolean(written.push(String(text))))
  reportFailure(new SelfsupError(`${hostile} does not exist`))
  reportFailure(Object.assign(new Error('x'), { code: 'ENOENT', path: hostile }))
  reportFailure(new Error(hostile))
  vi.restoreAllMocks()
  const stream = new PassThrough() as unknown as NodeJS.WriteStream
  stream.on('data', (chunk) => written.push(String(chunk)))
  const view = progressView(stream, { everySeconds: 0 })
  view.note(`left out: ${hostile}`)
  view.part(0.5, hostile)
  written.push(table(['image'], [[hostile], ['b\nc']]))
  expect(written.length).toBeGreaterThanOrEqual(6)
  for (const text of written) expect(text).not.toMatch(/(?!\n)[\p{Cc}\u202e]/u)
  expect(written.at(-1)!.split('\n')).toHaveLength(4)
})
