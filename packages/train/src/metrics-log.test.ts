import { appendFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openMetrics } from './metrics-log.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selfsup-metrics-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const lines = async () => (await readFile(join(folder, 'metrics.jsonl'), 'utf8')).split('\n').filter(Boolean)

async function write(from: number, to: number) {
  const log = await openMetrics(folder, from)
  for (let step = from + 1; step <= to; step++) log.add({ step, epoch: 0, loss: 1 / step, spread: undefined })
  await log.flush()
}

test('a resumed run drops the lines of steps that it repeats', async () => {
  await write(0, 5)
  await write(3, 4)
  expect((await lines()).map((line) => JSON.parse(line).step)).toEqual([1, 2, 3, 4])
  expect(JSON.parse((await lines())[0]!)).toEqual({ step: 1, epoch: 0, loss: 1 })
})

test.each(['{"step": 4, "ep', '{"step":4,"epoch":0,"loss":1}'])(
  'drops a truncated last line: %s',
  async (rest) => {
    await write(0, 3)
    await appendFile(join(folder, 'metrics.jsonl'), rest)
    await write(3, 5)
    expect((await lines()).map((line) => JSON.parse(line).step)).toEqual([1, 2, 3, 4, 5])
  },
)

test('the event file starts with the step from which TensorBoard discards earlier files', async () => {
  await write(0, 5)
  const [first] = await readdir(folder).then((names) => names.filter((name) => name.startsWith('events')))
  await rm(join(folder, first!))
  await write(3, 4)
  const [second] = await readdir(folder).then((names) => names.filter((name) => name.startsWith('events')))
  const bytes = await readFile(join(folder, second!))
  // after the file version: step 4 (field 2), a session log (field 7) that says START
  expect(bytes.toString('hex')).toContain('10043a020801')
})

test('keeps lines that could not be written for the next flush', async () => {
  const log = await openMetrics(folder, 0)
  log.add({ step: 1, epoch: 0, loss: 1 })
  await rm(folder, { recursive: true })
  await expect(log.flush()).rejects.toThrow('ENOENT')
  await import('node:fs/promises').then(({ mkdir }) => mkdir(folder))
  await log.flush()
  expect(await lines()).toHaveLength(1)
})
