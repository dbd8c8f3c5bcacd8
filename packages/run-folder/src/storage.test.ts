import 'fake-indexeddb/auto'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../../tooling/vitest/temporary-folder.js'
import { databaseStorage } from './browser/database-storage.js'
import { sha256 as browserSha256 } from './browser/sha256.js'
import { diskStorage } from './disk-storage.js'
import { sha256 } from './node-sha256.js'
import { runsIn } from './runs-in.js'
import { type RunStorage, readStored, readStoredText, writeStoredJson } from './storage.js'

const bytes = (text: string) => new TextEncoder().encode(text)

/** What every storage of runs must hold. */
describe.each<[string, () => { storage: RunStorage; root: string }]>([
  ['disk', () => ({ storage: diskStorage, root: temporaryFolder() })],
  ['a database', () => ({ storage: databaseStorage(`runs-${Math.random()}`), root: 'runs' })],
])('a storage on %s', (_, open) => {
  test('writes, appends, cuts, lists and removes files', async () => {
    const { storage, root } = open()
    const at = (...names: string[]) => storage.join(root, 'a', ...names)
    expect(await storage.list(at())).toEqual([])
    expect(await storage.has(at('x'))).toBe(false)
    await storage.makeFolder(at())
    await storage.write(at('x'), [bytes('one '), bytes('two')])
    await storage.write(at('x'), [bytes('three '), bytes('four')])
    expect(await readStoredText(storage, at('x'))).toBe('three four')
    await storage.append(at('x'), bytes('!'))
    await storage.append(at('new'), bytes('new'))
    await storage.cut(at('x'), 5)
    expect(await readStoredText(storage, at('x'))).toBe('three')
    expect(await readStoredText(storage, at('new'))).toBe('new')
    await writeStoredJson(storage, at('inner', 'deep', 'y.json'), { a: 1 })
    expect(await readStoredText(storage, at('inner', 'deep', 'y.json'))).toBe('{\n  "a": 1\n}\n')
    await storage.write(`${at()}0`, [bytes('a file whose name follows the folder in the alphabet')])
    expect((await storage.list(at())).sort()).toEqual(['inner', 'new', 'x'])
    expect(storage.nameOf(at('inner', 'deep'))).toBe('deep')
    await storage.remove(at('inner'))
    await storage.remove(at('x'))
    await storage.remove(at('never was'))
    await storage.removeUnfinished(at())
    expect(await storage.list(at())).toEqual(['new'])
    expect(await storage.has(`${at()}0`)).toBe(true)
  })

  test('reads parts of a file, and refuses missing, short and large ones', async () => {
    const { storage, root } = open()
    const path = storage.join(root, 'x')
    await storage.write(path, [bytes('0123456789')])
    const file = await storage.open(path)
    const part = new Uint8Array(3)
    await file.read(part, 4, 'too short')
    expect(new TextDecoder().decode(part)).toBe('456')
    await expect(file.read(part, 8, 'too short')).rejects.toMatchObject({
      message: 'too short',
      code: 'damaged-file',
    })
    await file.close()
    await expect(storage.open(storage.join(root, 'y'))).rejects.toMatchObject({ code: 'not-found' })
    await expect(readStored(storage, path, 9)).rejects.toThrow('10 bytes; the maximum is 9')
  })

  test('metrics are cut before the first line after a step, and before an unfinished line', async () => {
    const { storage, root } = open()
    const { cutMetrics, runPaths } = runsIn(storage)
    const run = storage.join(root, 'run')
    await cutMetrics(run, 3) // there is nothing yet
    const { metrics } = runPaths(run)
    const write = (text: string) => storage.write(metrics, [bytes(text)])
    const lines = '{"step":1,"ä":1}\n{"step":2}\n{"step":3}\n'
    await write(lines)
    await cutMetrics(run, 2)
    expect(await readStoredText(storage, metrics)).toBe('{"step":1,"ä":1}\n{"step":2}\n')
    await write(`${lines}{"step":3`)
    await cutMetrics(run, 9)
    expect(await readStoredText(storage, metrics)).toBe(lines)
    await write(`{"step":1}\nbroken\n{"step":2}\n`)
    await cutMetrics(run, 9)
    expect(await readStoredText(storage, metrics)).toBe('{"step":1}\n')
  })
})

test('both hashes are SHA-256', () => {
  // FIPS 180-4, example of one block
  const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
  for (const start of [sha256, browserSha256]) expect(start().update('a').update(bytes('bc')).hex()).toBe(abc)
})

test('paths on disk are those of the system', () => {
  expect(diskStorage.join('./a', 'b')).toBe(join('a', 'b'))
})
