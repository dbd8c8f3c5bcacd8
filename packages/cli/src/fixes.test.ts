import { SelfsupError } from '@selfsup/core'
import { expect, test } from 'vitest'
import { fixOf, withFix } from './fixes.js'

test('names the command instead of the library’s function', () => {
  const missing = new SelfsupError('not installed', {
    code: 'engine-missing',
    fix: 'call installTensorflow()',
  })
  expect(withFix(missing.problem, missing)).toBe('not installed; run: npx selfsup engine install')
})

test('keeps the fix of a failed installation and adds the command to run after it', () => {
  expect(fixOf({ code: 'install-failed', fix: 'run: pip cache purge' })).toBe(
    'run: pip cache purge, then run: npx selfsup engine install',
  )
})

test('names the folder of an existing run', () => {
  expect(fixOf({ code: 'run-exists', path: 'runs/a' })).toContain('selfsup resume runs/a,')
  expect(fixOf({ code: 'run-exists', path: 'my runs/a' })).toContain('selfsup resume "my runs/a",')
})

test('leaves any other fix unchanged, and adds none where there is none', () => {
  expect(fixOf({ code: 'invalid-input', fix: 'give two images' })).toBe('give two images')
  expect(withFix('wrong', { code: 'invalid-input' })).toBe('wrong')
})
