import { mkdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../../tooling/vitest/temporary-folder.js'
import { type ImageIndex, openImageIndex } from './image-index.js'
import { nearestOnDisk } from './on-disk.js'
import { type ImageListing, removeSource, updateIndex } from './update-index.js'

let root: string
let index: ImageIndex

beforeEach(async () => {
  root = temporaryFolder()
  index = await openImageIndex(join(root, 'index'), { weights: 'a' })
})

/** Writes files whose content is their number. */
async function write(folder: string, files: Readonly<Record<string, number>>): Promise<void> {
  for (const [name, number] of Object.entries(files)) {
    const path = join(root, folder, name)
    await mkdir(join(path, '..'), { recursive: true })
    await writeFile(path, '*'.repeat(number))
    await utimes(path, number, number)
  }
}

/** Updates the index by the files of a folder; the features of a file are of its number. @returns the paths that were embedded */
async function update(folder: string, names: readonly string[]) {
  const source = join(root, folder)
  const paths = names.map((name) => join(source, name))
  const facts = await Promise.all(paths.map((path) => stat(path)))
  const listing: ImageListing = {
    count: names.length,
    source,
    pathOf: (image) => paths[image]!,
    stampOf: (image) => `${facts[image]!.size} ${facts[image]!.mtimeMs}`,
  }
  const embedded: string[] = []
  const result = await updateIndex(index, listing, async (numbers) => {
    embedded.push(...Array.from(numbers, (image) => names[image]!))
    const values = Float32Array.from(
      [...numbers].flatMap((image) => [Math.cos(facts[image]!.size), Math.sin(facts[image]!.size)]),
    )
    return { images: numbers, values, width: 2 }
  })
  return { ...result, embedded }
}

async function paths(): Promise<string[]> {
  const all: string[] = []
  for await (const rows of index.listing()) all.push(...rows.map(({ path }) => path.slice(root.length + 1)))
  return all.sort()
}

const query = (number: number) => Float32Array.of(Math.cos(number), Math.sin(number))

describe('an index follows its folders', () => {
  test('a moved folder keeps its features, under the new paths', async () => {
    await write('a', { '1.png': 1, '2.png': 2 })
    await write('b', { 'x/3.png': 3, 'y/3.png': 3, '4.png': 4 })
    await update('a', ['1.png', '2.png'])
    await update('b', ['x/3.png', 'y/3.png', '4.png'])
    await rename(join(root, 'b'), join(root, 'c'))
    await rm(join(root, 'c/4.png'))
    expect(await update('c', ['x/3.png', 'y/3.png'])).toMatchObject({
      moved: 2,
      added: 0,
      removed: 1,
      embedded: [],
      missing: [],
    })
    expect(await paths()).toEqual(['a/1.png', 'a/2.png', 'c/x/3.png', 'c/y/3.png'])
    const { neighbours } = await nearestOnDisk(index, query(3), { k: 2 })
    expect(neighbours.map(({ path }) => path.slice(root.length + 1)).sort()).toEqual([
      'c/x/3.png',
      'c/y/3.png',
    ])
    expect(neighbours[0]!.similarity).toBeCloseTo(1, 5)
    expect(await update('c', ['x/3.png', 'y/3.png'])).toMatchObject({ moved: 0, unchanged: 2, embedded: [] })
  })

  test('a renamed subfolder keeps its features; a changed file does not', async () => {
    await write('a', { 'x/1.png': 1, 'x/2.png': 2 })
    await update('a', ['x/1.png', 'x/2.png'])
    await rename(join(root, 'a/x'), join(root, 'a/y'))
    await write('a', { 'y/2.png': 5 })
    expect(await update('a', ['y/1.png', 'y/2.png'])).toMatchObject({
      moved: 1,
      added: 1,
      removed: 1,
      embedded: ['y/2.png'],
    })
    expect(await paths()).toEqual(['a/y/1.png', 'a/y/2.png'])
  })

  test('a copy with new times replaces a folder that is gone, and its features are computed', async () => {
    await write('b', { '1.png': 1, '2.png': 2 })
    await update('b', ['1.png', '2.png'])
    await rename(join(root, 'b'), join(root, 'c'))
    await utimes(join(root, 'c/1.png'), 70, 70)
    await utimes(join(root, 'c/2.png'), 70, 70)
    expect(await update('c', ['1.png', '2.png'])).toMatchObject({ moved: 0, added: 2, removed: 2 })
    expect(await paths()).toEqual(['c/1.png', 'c/2.png'])
  })

  test('a folder that is gone keeps its entries while other images are indexed, which searches leave out', async () => {
    await write('a', { '1.png': 1, '2.png': 2 })
    await write('b', { '1.png': 11, '4.png': 12, '5.png': 13 })
    await update('a', ['1.png', '2.png'])
    await update('b', ['1.png', '4.png', '5.png'])
    await rename(join(root, 'b'), join(root, 'elsewhere'))
    expect(await update('a', ['1.png', '2.png'])).toMatchObject({
      unchanged: 2,
      missing: [{ source: join(root, 'b'), images: 3 }],
    })
    const found = await nearestOnDisk(index, query(12), { k: 2 })
    expect(found.neighbours.map(({ path }) => path.slice(root.length + 1)).sort()).toEqual([
      'a/1.png',
      'a/2.png',
    ])
    expect(found.missing).toBeGreaterThan(0)
    expect(await removeSource(index, join(root, 'b'))).toBe(3)
    expect(await paths()).toEqual(['a/1.png', 'a/2.png'])
    expect((await nearestOnDisk(index, query(12), { k: 2 })).missing).toBe(0)
  })

  test('files that are still there do not move, although a copy is indexed', async () => {
    await write('a', { '1.png': 1 })
    await write('b', { '1.png': 1 })
    await update('a', ['1.png'])
    expect(await update('b', ['1.png'])).toMatchObject({ moved: 0, added: 1 })
    expect(await paths()).toEqual(['a/1.png', 'b/1.png'])
  })
})

test('an update that was killed while it created the table, or while it moved images, is completed', async () => {
  const made = await openImageIndex(join(root, 'half'), { weights: 'h' })
  await mkdir(join(made.folder, 'images.lance', 'data'), { recursive: true })
  await writeFile(join(made.folder, 'images.lance', 'data', 'part.lance'), 'half')
  await made.close()
  index = await openImageIndex(join(root, 'half'), { weights: 'h' })
  expect(await index.count()).toBe(0)
  await write('b', { '1.png': 1, '2.png': 2 })
  await update('b', ['1.png', '2.png'])
  await rename(join(root, 'b'), join(root, 'c'))
  // Killed after the new entry of 1.png was written, before the old one was removed.
  const { size, mtimeMs } = await stat(join(root, 'c/1.png'))
  const stamp = `${size} ${mtimeMs}`
  await index.add({
    paths: [join(root, 'c/1.png')],
    stamps: [stamp],
    source: join(root, 'c'),
    values: query(1),
    width: 2,
  })
  expect(await update('c', ['1.png', '2.png'])).toMatchObject({
    moved: 1,
    removed: 1,
    unchanged: 1,
    embedded: [],
  })
  expect(await paths()).toEqual(['c/1.png', 'c/2.png'])
})

test('a second update of an index waits for the first', async () => {
  const order: string[] = []
  const first = await openImageIndex(root, { weights: 'b' }, { update: true })
  const second = openImageIndex(
    root,
    { weights: 'b' },
    { update: { onWait: () => order.push('waits'), everyMs: 5 } },
  )
  const opened = second.then((index) => {
    order.push('opened')
    return index
  })
  // A reader does not wait.
  await (await openImageIndex(root, { weights: 'b' })).close()
  await expect.poll(() => order).toEqual(['waits'])
  await first.add({ paths: ['/a'], stamps: ['1'], source: '/', values: Float32Array.of(1, 0), width: 2 })
  order.push('closes')
  await first.close()
  const after = await opened
  expect(order).toEqual(['waits', 'closes', 'opened'])
  expect(await after.count()).toBe(1)
  await after.close()
})
