import { SelfsupError, ShapeError } from '@selfsup/core'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { reportFailure } from './failure.js'

let printed = ''
beforeEach(() => {
  printed = ''
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    printed += text
    return true
  })
})
afterEach(() => vi.restoreAllMocks())

test.each([new SelfsupError('no images in pictures'), new ShapeError('no images in pictures')])(
  'an error meant for a person is its message alone',
  (error) => {
    expect(reportFailure(error)).toBe(1)
    expect(printed).toBe('selfsup: no images in pictures\n')
  },
)

test('a system error names the path and what to do', () => {
  const error = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', path: 'runs/a/x' })
  expect(reportFailure(error)).toBe(1)
  expect(printed).toContain('no space left on the disk of runs/a/x; make room')
})

test.each([
  [
    "package '@selfsup/iic' imported from cli.js",
    '@selfsup/iic is not installed; run: npm install @selfsup/iic',
  ],
  [
    "module 'clone/node_modules/@selfsup/iic/dist/index.js' imported from clone/packages/cli/dist/bin.js",
    'package iic of this clone is not built',
  ],
])('a package of ours that is not there is named: %s', (missing, said) => {
  const error = Object.assign(new Error(`Cannot find ${missing}`), { code: 'ERR_MODULE_NOT_FOUND' })
  expect(reportFailure(error)).toBe(1)
  expect(printed).toContain(said)
})

test('another module that is not there is a bug', () => {
  const error = Object.assign(new Error("Cannot find package 'sharp' imported from data.js"), {
    code: 'ERR_MODULE_NOT_FOUND',
  })
  expect(reportFailure(error)).toBe(70)
})

test('a bug keeps its trace', () => {
  expect(reportFailure(new TypeError('x is undefined'))).toBe(70)
  expect(printed).toContain('this is a bug')
  expect(printed).toContain('failure.test')
})
