import { readdir, readFile, rename, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SelfsupError } from '@selfsup/core'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { temporaryFolder } from '../../../tooling/vitest/temporary-folder.js'
import { writeAtomically } from './atomic-file.js'
import type { EncodedImages } from './encoded-images.js'
import { folderImages } from './folder-images.js'
import { madeImage, writeFiles } from './made-images.js'
import { pixelMemory } from './memory-budget.js'
import { cachedPixels } from './pixel-cache.js'

let folder: string
let images: EncodedImages
let loads: number
const COUNT = 5

beforeEach(async () => {
  folder = temporaryFolder()
  for (let i = 0; i < COUNT; i++)
    await writeFiles(folder, { [`in/${i}.jpg`]: await madeImage(i).jpeg().toBuffer() })
  await look()
})

async function look() {
  const found = await folderImages(join(folder, 'in'))
  loads = 0
  const load = (index: number) => {
    loads++
    return found.load(index)
  }
  images = { ...found, load }
}

const open = (options = {}) =>
  cachedPixels(images, { folder: join(folder, 'cache'), height: 16, width: 16, channels: 3, ...options })

async function pixelsOf(records: Awaited<ReturnType<typeof open>>): Promise<Buffer> {
  const target = new Uint8Array(records.count * 768)
  await records.read(
    Uint32Array.from({ length: records.count }, (_, i) => i),
    target,
  )
  return Buffer.from(target)
}

async function cacheFile(): Promise<string> {
  const names = await readdir(join(folder, 'cache'))
  expect(names).toHaveLength(1)
  return join(folder, 'cache', names[0]!)
}

it('decodes each image once, and none when opened again', async () => {
  const onProgress = vi.fn()
  const first = await open({ onProgress })
  expect(loads).toBe(COUNT)
  expect(onProgress).toHaveBeenLastCalledWith(COUNT, COUNT)
  const second = await open()
  expect(loads).toBe(COUNT)
  expect(second.fingerprint).toBe(first.fingerprint)
  expect((await pixelsOf(second)).equals(await pixelsOf(first))).toBe(true)
})

it('a file that could not be read is tried again, even if it is back unchanged', async () => {
  const [path, away] = [join(folder, 'in/2.jpg'), join(folder, 'away.jpg')]
  const load = images.load
  images = {
    ...images,
    // Gone after the fingerprint, before it is decoded.
    load: async (index) => {
      if (index === 2) await rename(path, away)
      return load(index)
    },
  }
  const without = await open()
  expect(without.skipped).toEqual([{ path, reason: 'the file is gone', temporary: true }])
  expect(without.count).toBe(COUNT - 1)
  await rename(away, path)
  await look()
  const whole = await open()
  expect(whole.skipped).toEqual([])
  expect(whole.count).toBe(COUNT)
})

it('leaves pixels of more than the budget on disk, and says so', async () => {
  const onNote = vi.fn()
  const inMemory = await open({ memory: COUNT * 768, onNote })
  expect(onNote).not.toHaveBeenCalled()
  const onDisk = await open({ memory: COUNT * 768 - 1, onNote })
  expect(onNote).toHaveBeenCalledExactlyOnceWith(
    expect.stringMatching(/^in: 5 decoded images, .* read from the cache on disk; .*SELFSUP_PIXEL_MEMORY/),
  )
  expect((await pixelsOf(onDisk)).equals(await pixelsOf(inMemory))).toBe(true)
  // Only the one on disk is affected when the file loses its content.
  await truncate(await cacheFile(), 100)
  await expect(pixelsOf(onDisk)).rejects.toThrow('the cache file of decoded images is truncated')
  await pixelsOf(inMemory)
  await onDisk.close?.()
})

it('keeps 256 MB in memory unless SELFSUP_PIXEL_MEMORY says otherwise', () => {
  expect(pixelMemory({ SELFSUP_PIXEL_MEMORY: '7' })).toBe(7e6)
  expect(pixelMemory({})).toBeLessThanOrEqual(256e6)
  expect(pixelMemory({})).toBeGreaterThan(0)
  expect(() => pixelMemory({ SELFSUP_PIXEL_MEMORY: '1 GB' })).toThrow(
    /must be a number of megabytes; got 1 GB/,
  )
})

describe.each([
  ['in memory', 1e6],
  ['on disk', 0],
])('with pixels %s, decodes again if the file', (_, memory) => {
  it.each<[string, (path: string) => Promise<unknown>]>([
    ['was truncated', async (path) => truncate(path, (await stat(path)).size - 100)],
    ['is empty', (path) => truncate(path, 0)],
    [
      'was lengthened',
      async (path) => writeFile(path, Buffer.concat([await readFile(path), Buffer.alloc(9)])),
    ],
    [
      'has one bit wrong',
      async (path) => {
        const bytes = await readFile(path)
        bytes[1000]! ^= 1
        await writeFile(path, bytes)
      },
    ],
    ['was deleted', (path) => rm(path)],
  ])('%s', async (_, damage) => {
    const read = async () => {
      const records = await open({ memory })
      const pixels = await pixelsOf(records)
      await records.close?.()
      return pixels
    }
    const before = await read()
    await damage(await cacheFile())
    const after = await read()
    expect(loads).toBe(2 * COUNT)
    expect(after.equals(before)).toBe(true)
    await read()
    expect(loads).toBe(2 * COUNT)
  })
})

it('detects a changed modification time, a different size and a new file', async () => {
  const { fingerprint } = await open()
  await utimes(join(folder, 'in/2.jpg'), new Date(), new Date(Date.now() - 5e6))
  const touched = await open()
  expect(touched.fingerprint).not.toBe(fingerprint)
  expect(loads).toBe(2 * COUNT)
  const resized = await open({ height: 8, width: 8 })
  expect(new Set([fingerprint, touched.fingerprint, resized.fingerprint]).size).toBe(3)
  await writeFiles(folder, { 'in/9.jpg': await madeImage(9).jpeg().toBuffer() })
  await look()
  expect((await open()).count).toBe(COUNT + 1)
})

it('leaves no file behind after an abort', async () => {
  const controller = new AbortController()
  const { load } = images
  images = {
    ...images,
    load: (index) => {
      if (index === 2) controller.abort(new Error('enough'))
      return load(index)
    },
  }
  await expect(open({ signal: controller.signal })).rejects.toThrow('enough')
  expect(await readdir(join(folder, 'cache'))).toEqual([])
})

it('concurrent calls return the same images', async () => {
  const all = await Promise.all([open(), open(), open()])
  const [first, ...others] = await Promise.all(all.map(pixelsOf))
  for (const other of others) expect(other.equals(first!)).toBe(true)
  await cacheFile()
})

describe('when the file cannot be written', () => {
  it.each([
    ['ENOSPC', /no space left on the disk \(3 MB needed\); free some space or choose another folder/],
    ['EROFS', /cannot be written \(EROFS\); choose another folder/],
  ])('explains %s and leaves no file behind', async (code, message) => {
    const path = join(folder, 'out', 'x')
    const failing = writeAtomically(path, 2.5e6, async (file) => {
      await file.writeFile('part of it')
      throw Object.assign(new Error(code), { code })
    })
    await expect(failing).rejects.toThrow(message)
    await expect(failing).rejects.toBeInstanceOf(SelfsupError)
    expect(await readdir(join(folder, 'out'))).toEqual([])
  })

  it('throws if the folder is a file', async () => {
    await writeFile(join(folder, 'cache'), '')
    await expect(open()).rejects.toThrow(
      /cannot be written \(\w+\); set SELFSUP_CACHE to another folder for decoded images/,
    )
  })

  it('removes unfinished files of killed processes after a day', async () => {
    await writeFiles(folder, { 'cache/.selfsup-unfinished-old': 'x', 'cache/.selfsup-unfinished-new': 'x' })
    const longAgo = new Date(Date.now() - 2 * 24 * 3600 * 1000)
    await utimes(join(folder, 'cache/.selfsup-unfinished-old'), longAgo, longAgo)
    await open()
    const left = (await readdir(join(folder, 'cache'))).filter((name) => name.startsWith('.'))
    expect(left).toEqual(['.selfsup-unfinished-new'])
  })
})
