import { describe, expect, it } from 'vitest'
import { limiter } from './limited.js'
import { batchRanges, passOrder, positionOf } from './order.js'
import { PathList } from './path-list.js'

describe('PathList', () => {
  it('returns the paths that were added', () => {
    const paths = new PathList()
    const [a, b] = [paths.addFolder('/a'), paths.addFolder('/ü/b c')]
    for (let i = 0; i < 5000; i++) paths.add(i % 2 ? a : b, `näme ${i}.jpg`)
    expect(paths.length).toBe(5000)
    expect(paths.path(0)).toBe('/ü/b c/näme 0.jpg')
    expect(paths.path(4999)).toBe('/a/näme 4999.jpg')
    expect(paths.folderNumber(2)).toBe(b)
  })

  it('needs fewer than 60 bytes per file, so 1,000,000 files need far less than 200 MB', () => {
    const paths = new PathList()
    const count = 200_000
    const before = process.memoryUsage()
    for (let i = 0; i < count; i++) {
      if (i % 1000 === 0) paths.addFolder(`/images/in/a/long/path/class-${i / 1000}`)
      paths.add(Math.floor(i / 1000), `ILSVRC2012_val_${String(i).padStart(8, '0')}.JPEG`)
    }
    expect(paths.bytes / count).toBeLessThan(60)
    // Only the folders' names are on the JavaScript heap.
    expect((process.memoryUsage().heapUsed - before.heapUsed) / count).toBeLessThan(200)
  })
})

describe('passOrder', () => {
  it('contains each position once, in the same order for the same seed', () => {
    const order = passOrder(1000, { shuffle: [3, 1] })
    expect(passOrder(1000, { shuffle: [3, 1] })).toEqual(order)
    expect(passOrder(1000, { shuffle: [3, 2] })).not.toEqual(order)
    expect([...order].sort((a, b) => a - b)).toEqual([...passOrder(1000)])
  })

  it('reaches every position of any number', () => {
    const step = 2 ** -23
    const last = 1 - step
    expect(positionOf(0, 0.5, 2 ** 24)).toBe(1) // 23 bits alone yield only even positions
    expect(positionOf(last, last, 2 ** 32 - 1)).toBe(2 ** 32 - 2)
    const count = 2 ** 20 + 1
    const order = passOrder(count, { shuffle: [3, 1] })
    const seen = new Uint8Array(count)
    for (const position of order) seen[position] = 1
    expect(seen.indexOf(0)).toBe(-1)
  })

  it('returns a given order, and rejects one out of bounds or with a seed', () => {
    const order = Uint32Array.of(3, 3, 0)
    expect(passOrder(4, { order })).toEqual(order)
    expect(() => passOrder(3, { order })).toThrow('positions from 0 to 2, since there are 3 examples; got 3')
    expect(() => passOrder(4, { order, shuffle: [1, 2] })).toThrow('set only one of them')
  })
})

describe('batchRanges', () => {
  it('numbers batches from the beginning of the pass', () => {
    const ranges = [...batchRanges(10, { batchSize: 4, startBatch: 1 })]
    expect(ranges).toEqual([
      { batch: 1, start: 4, end: 8, first: 0, rows: 4 },
      { batch: 2, start: 8, end: 10, first: 0, rows: 2 },
    ])
  })

  it('divides each batch among workers, the first of which get a row more', () => {
    const parts = [0, 1, 2].map((index) => [...batchRanges(7, { batchSize: 5, part: { index, count: 3 } })])
    const rows = (part: (typeof parts)[number]) => part.map(({ start, end, first }) => [start, end, first])
    expect(parts.map(rows)).toEqual([
      [
        [0, 2, 0],
        [5, 6, 0],
      ],
      [
        [2, 4, 2],
        [6, 7, 1],
      ],
      [
        [4, 5, 4],
        [7, 7, 2],
      ],
    ])
  })
})

it('limiter runs a limited number of calls at a time, in order, even if some fail', async () => {
  const oneOfTwo = limiter(2)
  const begun: number[] = []
  let running = 0
  let most = 0
  const results = await Promise.allSettled(
    Array.from({ length: 9 }, (_, i) =>
      oneOfTwo(async () => {
        begun.push(i)
        most = Math.max(most, ++running)
        await new Promise((resume) => setTimeout(resume, 1))
        running--
        if (i === 3) throw new Error('no')
        return i
      }),
    ),
  )
  expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
  expect(most).toBe(2)
  expect(results.map(({ status }) => status === 'rejected')).toEqual(begun.map((i) => i === 3))
})
