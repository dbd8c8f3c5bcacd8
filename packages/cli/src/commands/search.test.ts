import {
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { contactSheet, shapes } from '@selfsup/data'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { duplicates } from './duplicates.js'
import { indexImages } from './index-images.js'
import { pretrain } from './pretrain.js'
import { preview } from './preview.js'
import { search } from './search.js'
import { select } from './select.js'

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

  // A file that is gone is left out of the results, before and after the index has been updated.
  await rm(join(imageFolder, 'copy.png'))
  const csv = join(folder, 'found.csv')
  const without = await jsonOf(() =>
    search(run, join(imageFolder, '2.png'), { engine, k: 4, sheet, csv, json: true }),
  )
  expect(without.neighbours).toHaveLength(4)
  expect(without.missing).toBe(1)
  expect((await readFile(csv, 'utf8')).split('\r\n')[1]).toMatch(/^1,1\.0000,.*2\.png$/)
  expect(await index()).toMatchObject({ images: 4, removed: 1 })
})

test('a query that lies on its side finds the upright image and is drawn like it', async () => {
  const upright = join(imageFolder, '2.png')
  const lying = join(folder, 'lying.png')
  const turned = await sharp(upright).rotate(270).png().toBuffer()
  await sharp(turned).withMetadata({ orientation: 6 }).png().toFile(lying)
  const sheet = join(folder, 'lying-sheet.png')
  await jsonOf(() => indexImages(run, imageFolder, { engine, json: true }))
  const { neighbours } = await jsonOf(() => search(run, lying, { engine, k: 1, sheet, json: true }))
  expect(neighbours[0]).toMatchObject({ path: upright, similarity: expect.closeTo(1, 5) })
  const cell = (column: number) =>
    sharp(sheet)
      .extract({ left: 1 + column * 129, top: 1, width: 128, height: 128 })
      .raw()
      .toBuffer()
  expect(Buffer.compare(await cell(0), await cell(1))).toBe(0)
  expect(Buffer.compare(await cell(0), await sharp(turned).resize(128, 128).raw().toBuffer())).not.toBe(0)
})

test('preview and sheets show the first three of several bands', async () => {
  const bands = join(folder, 'bands')
  await mkdir(bands)
  const head = "{'descr': '|u1', 'fortran_order': False, 'shape': (16, 16, 5), }".padEnd(117)
  const levels = [200, 100, 50, 0, 255]
  const pixels = Buffer.from(Array.from({ length: 16 * 16 * 5 }, (_, i) => levels[i % 5]!))
  for (const name of ['a.npy', 'b.npy'])
    await writeFile(
      join(bands, name),
      Buffer.concat([Buffer.from(`\x93NUMPY\x01\0\x76\0${head}\n`, 'latin1'), pixels]),
    )
  const out = join(folder, 'preview.png')
  expect(await preview(bands, { engine, out, count: 2, bands: 'all' })).toBe(0)
  const { data, info } = await sharp(out).raw().toBuffer({ resolveWithObject: true })
  expect(info.channels).toBe(3)
  // The first image, inside of its frame.
  expect([...data.subarray((8 * info.width + 8) * 3, (8 * info.width + 9) * 3)]).toEqual([200, 100, 50])
})

test('the index follows a folder that has moved, and forgets one that is gone', async () => {
  const [before, after] = [join(folder, 'before'), join(folder, 'after')]
  await cp(imageFolder, before, { recursive: true })
  await rm(join(before, 'broken.png'))
  const index = (images: string, flags = {}) =>
    jsonOf(() => indexImages(run, images, { engine, json: true, ...flags }))
  const { images } = await index(before)
  await rename(before, after)
  expect(await index(after)).toMatchObject({ images, moved: 4, added: 0, removed: 0 })
  await rm(after, { recursive: true })
  expect(await index(after)).toMatchObject({ images: images - 4, removed: 4 })
  await expect(index(after)).rejects.toThrow('does not exist, and the index of')
  expect(await index(imageFolder, { drop: true })).toMatchObject({ images: images - 8, removed: 4 })
})

test('duplicates are drawn and written with their similarities', async () => {
  await copyFile(join(imageFolder, '1.png'), join(imageFolder, 'again.png'))
  await jsonOf(() => indexImages(run, imageFolder, { engine, json: true }))
  const [sheet, csv] = [join(folder, 'duplicates.png'), join(folder, 'duplicates.csv')]
  const found = await jsonOf(() => duplicates(run, { engine, sheet, csv, json: true }))
  // The run is hardly trained: random pairs are similar, and the threshold is far above 0.98.
  expect(found.randomPairs.median).toBeGreaterThan(0.5)
  expect(found.similarity).toBeCloseTo(1 - 0.02 * (1 - found.randomPairs.median), 8)
  expect(found.groups.map(({ paths }: { paths: string[] }) => [...paths].sort())).toContainEqual([
    join(imageFolder, '1.png'),
    join(imageFolder, 'again.png'),
  ])
  expect(await readFile(csv, 'utf8')).toMatch(/^group,similarity,image\r\n1,/)
  expect((await stat(sheet)).size).toBeGreaterThan(100)
  expect(found.missing).toBe(0)
  await rm(join(imageFolder, 'again.png'))
  const without = await jsonOf(() => duplicates(run, { engine, json: true }))
  expect(without.missing).toBe(1)
  expect(without.groups.flatMap(({ paths }: { paths: string[] }) => paths)).not.toContain(
    join(imageFolder, 'again.png'),
  )
  await copyFile(join(imageFolder, '1.png'), join(imageFolder, 'again.png'))
})

test('select writes paths, a list, copies and a sheet, and stays away from labelled images', async () => {
  const [csv, sheet, copy] = [join(folder, 'some.csv'), join(folder, 'some.png'), join(folder, 'copies')]
  const first = await jsonOf(() => select(run, { engine, count: 2, csv, sheet, copy, json: true }))
  expect(new Set(first.images).size).toBe(2)
  expect((await readFile(csv, 'utf8')).split('\r\n').slice(0, 3)).toEqual([
    'rank,image',
    `1,${first.images[0]}`,
    `2,${first.images[1]}`,
  ])
  expect(await readdir(copy)).toEqual(
    first.images.map((path: string, i: number) => `000${i + 1}-${basename(path)}`),
  )
  expect((await stat(sheet)).size).toBeGreaterThan(100)

  const labelled = join(folder, 'labelled.txt')
  await writeFile(labelled, first.images.join('\n'))
  const next = await jsonOf(() =>
    select(run, { engine, count: 3, strategy: 'k-centre', labelled, json: true }),
  )
  expect(new Set([...first.images, ...next.images]).size).toBe(5)
  await expect(select(run, { engine, count: 4, labelled, json: true })).rejects.toThrow('must be at most 3')
})

test('refuses a query that is not an image file', async () => {
  await expect(search(run, join(folder, 'nothing.jpg'), { engine })).rejects.toThrow('does not exist')
  await expect(search(run, folder, { engine })).rejects.toThrow('is not a file')
  await expect(search(run, folder, { engine, sheet: 'a.jpg' })).rejects.toThrow('--sheet must end in .png')
})
