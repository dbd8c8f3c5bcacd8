import { SelfsupError } from '@selfsup/core'
import { expect, test } from 'vitest'
import { fixOf, withFix } from './fixes.js'

test('a fix that a command makes names the command instead of the library’s function', () => {
  const missing = new SelfsupError('not installed', {
    code: 'engine-missing',
    fix: 'call installTensorflow()',
  })
  expect(withFix(missing.problem, missing)).toBe('not installed; run: npx selfsup engine install')
})

test('a failed installation keeps its own fix and says what to run after it', () => {
  expect(fixOf({ code: 'install-failed', fix: 'run: pip cache purge' })).toBe(
    'run: pip cache purge, then run: npx selfsup engine install',
  )
})

test('an existing run names the folder', () => {
  expect(fixOf({ code: 'run-exists', path: 'runs/a' })).toContain('selfsup resume runs/a')
})

test('any other fix stays as it is, and none stays none', () => {
  expect(fixOf({ code: 'invalid-input', fix: 'give two images' })).toBe('give two images')
  expect(withFix('wrong', { code: 'invalid-input' })).toBe('wrong')
})
