import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { removeUnfinished, writeAtomically, writeJson } from './atomic-file.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selfsup-atomic-'))
})
afterEach(() => rm(folder, { recursive: true }))

test('a failed write leaves the earlier file unchanged and no other file', async () => {
  const path = join(folder, 'a.json')
  await writeJson(path, { a: 1 })
  const failing = writeAtomically(path, async (file) => {
    await file.writeFile('{ "a"')
    throw new Error('no space')
  })
  await expect(failing).rejects.toThrow('no space')
  expect(await readFile(path, 'utf8')).toBe('{\n  "a": 1\n}\n')
  expect(await readdir(folder)).toEqual(['a.json'])
})

test('an error of the file system names the file, also if it is of an open file', async () => {
  const path = join(folder, 'full')
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  await expect(writeAtomically(path, () => Promise.reject(full))).rejects.toMatchObject({
    code: 'ENOSPC',
    path,
  })
})

test('concurrent writers leave the complete file of one of them', async () => {
  const path = join(folder, 'deep', 'a.txt')
  await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      writeAtomically(path, (file) => file.writeFile(String.fromCharCode(97 + i).repeat(10_000))),
    ),
  )
  expect(await readFile(path, 'utf8')).toMatch(/^(.)\1{9999}$/)
  expect(await readdir(join(folder, 'deep'))).toEqual(['a.txt'])
})

test('removes old files of killed writers and keeps recent ones', async () => {
  for (const name of ['.selfsup-unfinished-old.tmp', '.selfsup-unfinished-new.tmp', 'other'])
    await writeFile(join(folder, name), '')
  const longAgo = new Date(Date.now() - 2 * 24 * 3600 * 1000)
  await utimes(join(folder, '.selfsup-unfinished-old.tmp'), longAgo, longAgo)
  await removeUnfinished(folder)
  expect((await readdir(folder)).sort()).toEqual(['.selfsup-unfinished-new.tmp', 'other'])
})
