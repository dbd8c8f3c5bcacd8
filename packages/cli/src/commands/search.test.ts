import { copyFile, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { contactSheet, shapes } from '@selfsup/data'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { duplicates } from './duplicates.js'
import { indexImages } from './index-images.js'
import { pretrain } from './pretrain.js'
import { search } from './search.js'

const engine = 'wasm'
let folder: string
let run: string
let imageFolder: string

beforeAll(async () => {
  vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  folder = await mkdtemp(join(tmpdir(), 'selfsup-search-'))
  run = join(folder, 'run')
  imageFolder = join(folder, 'images')
  const training = { size: 16, count: 8, batch: 4, limit: 1, backbone: 'convnet', out: run, engine } as const
  await pretrain('simclr', 'shapes', training)
  for await (const { images } of shapes({ size: 16, count: 4, seed: 3 }).batches({ batchSize: 1 }))
    await contactSheet(
      join(imageFolder, `${(await readdir(imageFolder).catch(() => [])).length}.png`),
      images!,
      {
        columns: 1,
        zoom: 1,
      },
    )
})
afterAll(async () => {
  vi.restoreAllMocks()
  await rm(folder, { recursive: true, force: true })
})

/** The JSON output of a command. */
async function jsonOf(command: () => Promise<number>) {
  const log = vi.spyOn(console, 'log').mockReturnValue()
  expect(await command()).toBe(0)
  const [[text]] = log.mock.calls as [[string]]
  log.mockRestore()
  return JSON.parse(text)
}

test('images are indexed once, found by search, and listed as duplicates', async () => {
  await expect(search(run, join(imageFolder, '0.png'), { engine })).rejects.toThrow(
    'has no index yet; run: selfsup index',
  )
  const index = () => jsonOf(() => indexImages(run, imageFolder, { engine, json: true }))
  expect(await index()).toMatchObject({ images: 4, added: 4, unreadable: 0 })

  await copyFile(join(imageFolder, '2.png'), join(imageFolder, 'copy.png'))
  await writeFile(join(imageFolder, 'broken.png'), 'not an image')
  expect(await index()).toMatchObject({ images: 5, added: 1, unchanged: 4, unreadable: 1 })

  const sheet = join(folder, 'sheet.png')
  const found = await jsonOf(() =>
    search(run, join(imageFolder, '2.png'), { engine, k: 2, sheet, json: true }),
  )
  const paths = found.neighbours.map(({ path }: { path: string }) => path).sort()
  expect(paths).toEqual([join(imageFolder, '2.png'), join(imageFolder, 'copy.png')])
  expect((await stat(sheet)).size).toBeGreaterThan(100)

  const { groups } = await jsonOf(() => duplicates(run, { engine, similarity: 0.99999, json: true }))
  expect(groups.map(({ paths }: { paths: string[] }) => [...paths].sort())).toContainEqual(paths)

  await rm(join(imageFolder, 'copy.png'))
  expect(await index()).toMatchObject({ images: 4, removed: 1 })
})

test('refuses a query that is not an image file', async () => {
  await expect(search(run, join(folder, 'nothing.jpg'), { engine })).rejects.toThrow('does not exist')
  await expect(search(run, folder, { engine })).rejects.toThrow('is not a file')
  await expect(search(run, folder, { engine, sheet: 'a.jpg' })).rejects.toThrow('--sheet must end in .png')
})
