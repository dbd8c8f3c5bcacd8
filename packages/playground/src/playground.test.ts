import { describe, expect, test } from 'vitest'
import { aligned } from './page/align-maps.js'
import { after, INITIAL } from './page/state.js'
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
