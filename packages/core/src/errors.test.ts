import { expect, test } from 'vitest'
import { expected, SelfsupError } from './errors.js'

test('the message contains the problem and the fix, which are also fields', () => {
  const cause = new Error('ENOSPC')
  const error = new SelfsupError('the disk is full', {
    code: 'write-failed',
    fix: 'make room',
    path: 'runs/a',
    cause,
  })
  expect(error).toMatchObject({
    message: 'the disk is full; make room',
    problem: 'the disk is full',
    code: 'write-failed',
    fix: 'make room',
    path: 'runs/a',
    cause,
  })
})

test('without details the code is invalid-input and there is no fix', () => {
  const error = new SelfsupError('temperature must be positive; got 0')
  expect(error.code).toBe('invalid-input')
  expect(error.message).toBe(error.problem)
  expect('fix' in error).toBe(false)
})

test('expected passes the details on', () => {
  expect(() => expected(false, 'no run in a', { code: 'no-run' })).toThrow(
    expect.objectContaining({ code: 'no-run', message: 'no run in a' }),
  )
  expect(() => expected(1, 'never')).not.toThrow()
})
