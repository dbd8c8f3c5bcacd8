import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SelfsupError, uniforms } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { findIndex, type ImageIndex, openImageIndex } from './image-index.js'
import { loadLance } from './lance.js'
import { nearDuplicates } from './near-duplicates.js'
import { type ImageListing, updateIndex } from './update-index.js'

const folders: string[] = []
let root: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'selfsup-retrieval-'))
  folders.push(root)
})
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))))

const WIDTH = 8

/** Deterministic features of a number. */
function vector(number: number): Float32Array {
  return uniforms([5, number], WIDTH).map((value) => value - 0.5)
}

/** Images by path, each with the number that determines its features. */
function listing(images: Readonly<Record<string, number>>, source = '/images'): ImageListing {
  const paths = Object.keys(images)
  return {
    count: paths.length,
    source,
    pathOf: (image) => paths[image]!,
    stampOf: (image) => `stamp ${images[paths[image]!]}`,
  }
}

function embedder(images: Readonly<Record<string, number>>, asked: string[] = []) {
  const paths = Object.keys(images)
  return async (numbers: Uint32Array) => {
    asked.push(...Array.from(numbers, (image) => paths[image]!))
    const values = new Float32Array(numbers.length * WIDTH)
    for (const [row, image] of numbers.entries()) values.set(vector(images[paths[image]!]!), row * WIDTH)
    return { images: numbers, values, width: WIDTH }
  }
}

function named(count: number, from = 0): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`/images/${from + i}.jpg`, from + i]))
}

async function update(
  index: ImageIndex,
  images: Readonly<Record<string, number>>,
  source?: string,
  chunk = 7,
) {
  const asked: string[] = []
  const result = await updateIndex(index, listing(images, source), embedder(images, asked), { chunk })
  return { ...result, asked }
}

function cosine(a: Float32Array, b: Float32Array): number {
  const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * y[i]!, 0)
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
}

describe('an index', () => {
  test('computes an image again that changed while its features were computed', async () => {
    const index = await openImageIndex(root, { weights: 'changing' })
    const images = named(2)
    const embed = embedder(images)
    await updateIndex(index, listing(images), async (numbers) => {
      const before = await embed(numbers)
      images['/images/1.jpg'] = 9
      return before
    })
    const { asked, changed, unchanged } = await update(index, images)
    expect(asked).toEqual(['/images/1.jpg'])
    expect({ changed, unchanged }).toEqual({ changed: 1, unchanged: 1 })
    await index.close()
  })

  test('returns the nearest by cosine, nearest first, also after reopening', async () => {
    const index = await openImageIndex(root, { weights: 'a' })
    await update(index, named(40))
    await index.close()
    const again = await openImageIndex(root, { weights: 'a' })
    expect(await again.count()).toBe(40)
    const found = await again.nearest(
      vector(3).map((value) => 7 * value),
      { k: 5 },
    )
    const expected = Array.from({ length: 40 }, (_, i) => ({
      path: `/images/${i}.jpg`,
      similarity: cosine(vector(3), vector(i)),
    })).sort((a, b) => b.similarity - a.similarity)
    expect(found.map(({ path }) => path)).toEqual(expected.slice(0, 5).map(({ path }) => path))
    for (const [i, { similarity }] of found.entries())
      expect(similarity).toBeCloseTo(expected[i]!.similarity, 5)
    expect(found[0]!.similarity).toBeCloseTo(1, 5)
    await again.close()
  })

  test('is separate for other weights', async () => {
    const a = await openImageIndex(root, { weights: 'a' })
    await update(a, named(3))
    expect(await findIndex(root, { weights: 'b' })).toEqual({ exists: false, others: [a.folder] })
    const b = await openImageIndex(root, { weights: 'b' })
    expect(await b.count()).toBe(0)
    expect(await b.nearest(vector(1))).toEqual([])
    expect(await findIndex(root, { weights: 'a' })).toEqual({ exists: true, others: [b.folder] })
    await a.close()
    await b.close()
  })

  test('embeds only new or changed images and removes missing ones', async () => {
    const index = await openImageIndex(root, { weights: 'a' })
    const first = named(20)
    expect(await update(index, first)).toMatchObject({ added: 20, changed: 0, removed: 0, unchanged: 0 })
    const { '/images/4.jpg': _, ...rest } = first
    const second = { ...rest, '/images/5.jpg': 500, "/images/it's.jpg": 600 }
    const result = await update(index, second)
    expect(result).toMatchObject({ added: 1, changed: 1, removed: 1, unchanged: 18 })
    expect(result.asked.sort()).toEqual(['/images/5.jpg', "/images/it's.jpg"])
    expect(await index.count()).toBe(20)
    expect((await index.nearest(vector(500), { k: 1 }))[0]!.path).toBe('/images/5.jpg')
    const { "/images/it's.jpg": __, ...third } = second
    expect(await update(index, third)).toMatchObject({ removed: 1, unchanged: 19, asked: [] })
    await index.close()
  })

  test('keeps images of other folders and reuses those of a subfolder', async () => {
    const index = await openImageIndex(root, { weights: 'a' })
    await update(index, { '/other/1.jpg': 1, '/other/2.jpg': 2 }, '/other')
    await update(index, { '/images/sub/3.jpg': 3, '/images/sub/4.jpg': 4 }, '/images/sub')
    const result = await update(index, { '/images/sub/3.jpg': 3, '/images/5.jpg': 5 })
    expect(result).toMatchObject({ added: 1, removed: 1, unchanged: 1 })
    expect(await index.count()).toBe(4)
    await index.close()
  })

  test('resumes an interrupted update', async () => {
    const images = named(30)
    const index = await openImageIndex(root, { weights: 'a' })
    const embed = embedder(images)
    let calls = 0
    const failing = async (numbers: Uint32Array) => {
      if (++calls === 3) throw new SelfsupError('the power went')
      return embed(numbers)
    }
    await expect(updateIndex(index, listing(images), failing, { chunk: 7 })).rejects.toThrow('the power went')
    await index.close()
    const again = await openImageIndex(root, { weights: 'a' })
    expect(await again.count()).toBe(14)
    expect(await update(again, images)).toMatchObject({ added: 16, unchanged: 14 })
    expect(await again.count()).toBe(30)
    await again.close()
  })

  test('repairs duplicates that two concurrent updates added', async () => {
    const index = await openImageIndex(root, { weights: 'a' })
    await update(index, named(3))
    const twice = { paths: ['/images/1.jpg'], stamps: ['stamp 1'], source: '/images' }
    await index.add({ ...twice, values: vector(1), width: WIDTH })
    expect(await update(index, named(3))).toMatchObject({ changed: 1, unchanged: 2 })
    expect(await index.count()).toBe(3)
    await index.close()
  })

  test('finds the same with the approximate index as with an exact search', async () => {
    const index = await openImageIndex(root, { weights: 'a' }, { approximateFrom: 300 })
    await update(index, named(300), undefined, 100)
    const later = { ...named(300), ...named(10, 900) }
    await update(index, later)
    for (const query of [7, 200, 903]) {
      const [some, all] = await Promise.all([
        index.nearest(vector(query), { k: 20 }), // the approximate index is random: among few candidates one could be missed
        index.nearest(vector(query), { k: 5, exact: true }),
      ])
      expect(some[0]!.path).toBe(`/images/${query}.jpg`)
      expect(some.slice(0, 5).map(({ path }) => path)).toEqual(all.map(({ path }) => path))
    }
    await index.close()
  })

  test('rejects features of a different width, and zero or non-finite features', async () => {
    const index = await openImageIndex(root, { weights: 'a' })
    await update(index, named(2))
    await expect(index.nearest(new Float32Array(4).fill(1))).rejects.toThrow(
      'the index has 8 features per image; got 4',
    )
    await expect(index.nearest(vector(0), { k: 0 })).rejects.toThrow('k must be a whole number of at least 1')
    const one = { paths: ['/images/x.jpg'], stamps: ['1'], source: '/images', width: WIDTH }
    await expect(index.add({ ...one, values: new Float32Array(WIDTH).fill(Number.NaN) })).rejects.toThrow(
      '/images/x.jpg: its features are not finite',
    )
    await expect(index.add({ ...one, values: new Float32Array(WIDTH) })).rejects.toThrow('all zero')
    await expect(index.add({ ...one, width: 4, values: new Float32Array(4).fill(1) })).rejects.toThrow(
      'the index has 8 features per image; got 4',
    )
    expect(await index.count()).toBe(2)
    await index.close()
  })

  test('reports damage and how to fix it', async () => {
    const index = await openImageIndex(root, { weights: 'a' })
    await update(index, named(3))
    await index.close()
    const versions = join(index.folder, 'images.lance', '_versions')
    for (const name of await readdir(versions)) await writeFile(join(versions, name), 'not a manifest')
    const opened = openImageIndex(root, { weights: 'a' })
    await expect(opened).rejects.toThrow(SelfsupError)
    await expect(opened).rejects.toThrow('the index cannot be used')
    await expect(opened).rejects.toThrow('delete that folder and index them again')
  })
})

describe.each(testEngines())('near-duplicates on %s', (engine) => {
  beforeAll(async () => {
    await prepareEngine({ engine })
  })

  test('are found in groups across blocks, without leaking tensors', async () => {
    const index = await openImageIndex(root, { weights: 'a' })
    const images: Record<string, number> = {
      ...named(50),
      '/images/copy-3.jpg': 3,
      '/images/copy-20.jpg': 20,
    }
    images['/images/copy-20-again.jpg'] = 20
    await update(index, images)
    const before = tf.memory().numTensors
    for (const block of [5, 16, 100]) {
      const groups = await nearDuplicates(index, { similarity: 0.9999, block })
      expect(groups.map(({ paths }) => [...paths].sort())).toEqual([
        ['/images/20.jpg', '/images/copy-20-again.jpg', '/images/copy-20.jpg'],
        ['/images/3.jpg', '/images/copy-3.jpg'],
      ])
      for (const { similarity } of groups) expect(similarity).toBeCloseTo(1, 4)
    }
    expect(tf.memory().numTensors).toBe(before)
    await expect(nearDuplicates(index, { similarity: 1.5 })).rejects.toThrow('must be above -1 and at most 1')
    await index.close()
  })
})

describe('LanceDB', () => {
  test('if missing, the error has the install command', async () => {
    const missing = Object.assign(new Error("Cannot find package '@lancedb/lancedb' imported from here"), {
      code: 'ERR_MODULE_NOT_FOUND',
    })
    await expect(loadLance(() => Promise.reject(missing))).rejects.toThrow(
      'needs LanceDB, which is not installed; run: npm install @lancedb/lancedb',
    )
  })

  test('without a library for the platform, the error lists the supported platforms', async () => {
    const other = new Error('Cannot find native binding.\nmore')
    await expect(loadLance(() => Promise.reject(other))).rejects.toThrow(
      /LanceDB cannot be loaded on \w+ \w+ with Node [\d.]+: Cannot find native binding\. npm installs it .* for Linux/,
    )
  })
})
