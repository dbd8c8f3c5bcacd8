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

test.each([new SelfsupError('no images in folder'), new ShapeError('no images in folder')])(
  'prints only the message of an error that the user can fix',
  (error) => {
    expect(reportFailure(error)).toBe(1)
    expect(printed).toBe('selfsup: no images in folder\n')
  },
)

test('names the path of a system error and what to do', () => {
  const error = Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', path: 'runs/a/x' })
  expect(reportFailure(error)).toBe(1)
  expect(printed).toContain('no space left on the disk of runs/a/x; free some space')
})

test.each([
  Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }),
  new Error(
    'lance error: LanceError(IO): Generic LocalFileSystem error: No space left on device (os error 28)',
  ),
])('a full disk is not a bug, even if the error names no path', (error) => {
  expect(reportFailure(error)).toBe(1)
  expect(printed).toBe('selfsup: no space left on the disk; free some space and run the same command again\n')
})

test.each([
  [
    "package '@selfsup/iic' imported from cli.js",
    '@selfsup/iic is not installed; run: npm install @selfsup/iic',
  ],
  [
    "module 'clone/node_modules/@selfsup/iic/dist/index.js' imported from clone/packages/cli/dist/bin.js",
    'package iic is not built in this clone',
  ],
])('names a missing @selfsup package: %s', (missing, message) => {
  const error = Object.assign(new Error(`Cannot find ${missing}`), { code: 'ERR_MODULE_NOT_FOUND' })
  expect(reportFailure(error)).toBe(1)
  expect(printed).toContain(message)
})

test('treats any other missing module as a bug', () => {
  const error = Object.assign(new Error("Cannot find package 'sharp' imported from data.js"), {
    code: 'ERR_MODULE_NOT_FOUND',
  })
  expect(reportFailure(error)).toBe(70)
})

test('prints the stack trace of a bug', () => {
  expect(reportFailure(new TypeError('x is undefined'))).toBe(70)
  expect(printed).toContain('this is a bug')
  expect(printed).toContain('failure.test')
})
