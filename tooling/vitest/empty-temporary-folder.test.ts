import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { setup } from './empty-temporary-folder.js'
import { temporaryFolder } from './temporary-folder.js'

test('a run of tests that leaves nothing behind ends well, and its folder is gone', () => {
  const outside = tmpdir()
  const tearDown = setup()
  const inside = tmpdir()
  expect(inside).not.toBe(outside)
  tearDown()
  expect(existsSync(inside)).toBe(false)
  expect(tmpdir()).toBe(outside)
})

test('a run of tests that leaves files or folders behind fails with their names, and they are removed', () => {
  const outside = tmpdir()
  const tearDown = setup()
  const inside = tmpdir()
  mkdirSync(join(inside, 'folder'))
  writeFileSync(join(inside, 'file'), '')
  expect(tearDown).toThrow('Tests left file, folder in the temporary folder')
  expect(existsSync(inside)).toBe(false)
  expect(tmpdir()).toBe(outside)
})

test('these tests run with a temporary folder of their own', () => {
  expect(tmpdir()).toContain('selfsup-tests-')
  expect(temporaryFolder().startsWith(tmpdir())).toBe(true)
})
