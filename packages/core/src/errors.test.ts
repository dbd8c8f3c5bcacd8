import { expect, test } from 'vitest'
import { expected, SelfsupError } from './errors.js'

test('an error carries what is wrong and what to do about it, together in its message', () => {
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

test('without details it is invalid input, and has no fix', () => {
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
