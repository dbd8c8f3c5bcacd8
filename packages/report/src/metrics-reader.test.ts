import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { MetricsReader } from './metrics-reader.js'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'selfsup-report-'))
  path = join(folder, 'metrics.jsonl')
})
afterEach(() => rmSync(folder, { recursive: true }))

const line = (step: number, loss: number) =>
  `${JSON.stringify({ step, epoch: 0, loss, imagesPerSecond: 100 })}\n`
const losses = (reader: MetricsReader) => reader.curves().find(({ name }) => name === 'loss')

test('there may be no log yet', async () => {
  const reader = new MetricsReader(folder, 10)
  expect(await reader.update()).toBe(false)
  expect(reader.curves()).toEqual([])
})

test('reads what is appended, half a line only when it is whole', async () => {
  const reader = new MetricsReader(folder, 10)
  writeFileSync(path, line(10, 3) + line(20, 2).slice(0, 12))
  expect(await reader.update()).toBe(true)
  expect(losses(reader)).toEqual({ name: 'loss', x: [10], y: [3] })
  expect(await reader.update()).toBe(false)
  appendFileSync(path, line(20, 2).slice(12))
  await reader.update()
  expect(losses(reader)).toEqual({ name: 'loss', x: [10, 20], y: [3, 2] })
  expect(reader.step).toBe(20)
  expect(reader.secondsPerImage).toBeCloseTo(0.2)
  expect(reader.damagedLines).toBe(0)
})

test('damaged lines are counted and passed over', async () => {
  writeFileSync(path, `${line(1, 3)}{"step":\n[1]\nnull\n{"step":"x"}\n\n${line(2, 1)}`)
  const reader = new MetricsReader(folder, 10)
  await reader.update()
  expect(losses(reader)?.y).toEqual([3, 1])
  expect(reader.damagedLines).toBe(4)
})

test('reads a log from the start after a resumed run has truncated it', async () => {
  const reader = new MetricsReader(folder, 10)
  writeFileSync(path, line(1, 5) + line(2, 4) + line(3, 3))
  await reader.update()
  truncateSync(path, line(1, 5).length)
  await reader.update()
  expect(losses(reader)?.x).toEqual([1])
  appendFileSync(path, line(2, 9))
  await reader.update()
  expect(losses(reader)).toEqual({ name: 'loss', x: [1, 2], y: [5, 9] })
})

test('reads a log from the start if it was truncated and has grown past its old length between two updates', async () => {
  const reader = new MetricsReader(folder, 10)
  writeFileSync(path, line(1, 5) + line(2, 4))
  await reader.update()
  truncateSync(path, line(1, 5).length)
  appendFileSync(path, line(2, 8) + line(2, 8) + line(1, 7))
  await reader.update()
  // Steps that go back within one file are left out.
  expect(losses(reader)).toEqual({ name: 'loss', x: [1, 2, 2], y: [5, 8, 8] })
})

test('a log longer than a block, with many metrics', async () => {
  const metrics = Object.fromEntries(Array.from({ length: 80 }, (_, i) => [`metric${i}`, i]))
  writeFileSync(
    path,
    Array.from({ length: 2000 }, (_, step) => `${JSON.stringify({ step, ...metrics })}\n`).join(''),
  )
  const reader = new MetricsReader(folder, 50)
  await reader.update()
  expect(reader.step).toBe(1999)
  expect(reader.curves()).toHaveLength(60)
  expect(reader.curves()[0]!.x.at(-1)).toBe(1999)
})
