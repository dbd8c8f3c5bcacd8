import { describe, expect, test } from 'vitest'
import { aligned } from './page/align-maps.js'
import { announcement } from './page/announcer.js'
import { after, INITIAL, type PageState } from './page/state.js'
import { nextSection } from './page/use-focus.js'
import { imageFiles, problemOfFiles } from './worker/decode.js'
import { npy } from './worker/npy.js'

describe('aligned maps', () => {
  const before = { x: [1000, 3000, 1000, 1500], y: [1000, 1000, 2000, 3000] }
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length
  /** The map around its centre, moved to the middle of the canvas. */
  const centred = ({ x, y }: typeof before) => ({
    x: x.map((value) => 2047 + value - mean(x)),
    y: y.map((value) => 2047 + value - mean(y)),
  })

  test.each([
    ['turned by a quarter', { x: before.y.map((y) => 4000 - y), y: before.x }],
    ['mirrored', { x: before.x.map((x) => 4000 - x), y: before.y }],
    ['mirrored at the diagonal', { x: before.y, y: before.x }],
    ['moved', { x: before.x.map((x) => x + 500), y: before.y }],
  ])('a map that is %s comes back to its place', (_, places) => {
    const found = aligned(places, before)
    const wanted = centred(before)
    for (let i = 0; i < 4; i++) {
      expect(found.x[i]).toBeCloseTo(wanted.x[i]!, 6)
      expect(found.y[i]).toBeCloseTo(wanted.y[i]!, 6)
    }
  })
})

test('an array as numpy.save writes it', () => {
  // python: numpy.save(f, numpy.array([[1, 2, 3], [4, 5, 6]], 'float32'))
  const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"
  const bytes = npy(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3])
  expect(bytes).toHaveLength(128 + 24)
  expect([...bytes.subarray(0, 10)]).toEqual([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 118, 0])
  expect(new TextDecoder().decode(bytes.subarray(10, 128))).toBe(`${header.padEnd(117)}\n`)
  expect([...new Float32Array(bytes.slice(128).buffer)]).toEqual([1, 2, 3, 4, 5, 6])
})

test('only images are taken from a folder, and a folder without any is explained', () => {
  const file = (path: string, type = '') => ({ path, file: new File([], path, { type }) })
  const files = [
    file('a/1.jpg', 'image/jpeg'),
    file('a/.hidden/2.jpg'),
    file('a/3.HEIC'),
    file('a/notes.txt'),
  ]
  expect(imageFiles(files).map(({ path }) => path)).toEqual(['a/1.jpg', 'a/3.HEIC'])
  expect(problemOfFiles(files, imageFiles(files))).toBeUndefined()
  expect(problemOfFiles([file('a/notes.txt')], [])?.message).toBe(
    'There are no images among the one file (a/notes.txt).',
  )
  expect(problemOfFiles([], [])?.message).toBe('The folder is empty.')
})

test('what was found with other weights is not shown any more', () => {
  const found = after(INITIAL, { type: 'found', of: 1, images: [{ index: 2, similarity: 0.5 }] })
  expect(found.found?.of).toBe(1)
  const training = after(found, { type: 'run', state: 'training', step: 5, totalSteps: 10 })
  expect(training.found).toBeUndefined()
  const steps = { type: 'steps', points: [{ step: 6, loss: 2 }], totalSteps: 10, imagesPerSecond: 9 } as const
  expect(after(training, steps).run.step).toBe(6)
})

describe('what a screen reader says', () => {
  const images = {
    ...{ name: 'photos', count: 1200, size: 32, paths: ['photos/a.jpg', 'photos/b.jpg'] },
    ...{ skipped: [], warnings: [], verdicts: {} },
  }
  const page = (part: Partial<PageState>): PageState => ({ ...INITIAL, ...part })
  const run = (state: PageState['run']['state'], step = 0) => ({ state, step, totalSteps: 2000 })
  const [two, none] = [{ images: [0, 1], similarity: 0.99 }, [] as const]
  test.each<[string, Partial<PageState>, Partial<PageState>, string | undefined]>([
    ['images', {}, { images }, '1,200 images of photos, no problems found.'],
    ['warnings', {}, { images: { ...images, warnings: ['a'] } }, '1,200 images of photos, one warning.'],
    ['a start', { run: run('none') }, { run: run('training') }, 'Learning, step 0 of 2,000.'],
    ['a pause', { run: run('training', 9) }, { run: run('paused', 9) }, 'Paused at step 9 of 2,000.'],
    [
      'the end',
      { run: run('training') },
      { run: run('finished', 2000) },
      'Learning has finished, step 2,000 of 2,000.',
    ],
    ['a step, which would be too much', { run: run('training', 9) }, { run: run('training', 10) }, undefined],
    [
      'a search',
      { images },
      { images, found: { of: 1, images: [{ index: 0, similarity: 1 }] } },
      'The image most similar to photos/b.jpg.',
    ],
    ['groups', { images }, { images, clusters: [[0], [1]] }, '2 groups.'],
    ['a duplicate', { images }, { images, duplicates: [two] }, 'One group of near-duplicates.'],
    ['no duplicates', { images }, { images, duplicates: none }, 'No near-duplicates.'],
    ['work that begins', {}, { progress: { what: 'Reading images', done: 0, total: 9 } }, 'Reading images …'],
    [
      'work that goes on, which would be too much',
      { progress: { what: 'Reading images', done: 0, total: 9 } },
      { progress: { what: 'Reading images', done: 5, total: 9 } },
      undefined,
    ],
  ])('%s', (_, before, now, text) => {
    expect(announcement(page(before), page(now))).toBe(text)
  })
})

test.each<[string, string, string[], string[], string | undefined]>([
  ['images are chosen', 'images', ['images'], ['images', 'method'], 'images'],
  ['learning begins', 'method', ['images', 'method'], ['images', 'method', 'learning', 'use'], 'learning'],
  ['it ends', 'learning', ['images', 'learning', 'use'], ['images', 'learning', 'use'], 'learning'],
  ['it starts over', 'learning', ['images', 'method', 'learning'], ['images', 'method'], 'method'],
  ['a message is closed', '', ['images'], ['images'], undefined],
])('the focus of a control that is gone when %s', (_, section, before, now, next) => {
  expect(nextSection(section, before, now)).toBe(next)
})
