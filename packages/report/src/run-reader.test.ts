import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseRecord } from '@selfsup/run-folder'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type SampleRun, writeRun } from '../../../tooling/browser/sample-runs.js'
import { findRuns } from './find-runs.js'
import { LiveRuns } from './live-runs.js'
import { missingSections } from './missing.js'
import { namesOf, reportData } from './report.js'
import { RunReader, summaryOf } from './run-reader.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'selfsup-report-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const run: SampleRun = {
  method: 'simclr',
  backbone: 'resnet18',
  steps: 400,
  seed: 1,
  accuracy: 0.9,
  parameters: 1234,
  classes: ['a', 'b'],
}
const readerOf = (path: string) => new RunReader(path, { id: 'x', name: 'x' })

test('a whole run', async () => {
  writeRun(folder, run)
  const reader = readerOf(folder)
  expect(await reader.update()).toBe(true)
  expect(await reader.update()).toBe(false)
  const view = reader.view()
  expect(view).toMatchObject({
    state: 'finished',
    method: 'simclr',
    backbone: 'resnet18',
    step: 400,
    totalSteps: 400,
    parameters: 1234,
    problems: [],
    images: { size: 32, channels: 3 },
  })
  expect(view.seconds).toBeCloseTo((400 * 256) / 610, -1)
  expect(view.facts).toContainEqual(['batch size', '256'])
  expect(view.facts).toContainEqual(['optimizer', 'lars, weight decay 0.000001'])
  expect(view.evaluations.map(({ protocol }) => protocol)).toEqual([
    'clustering',
    'convergence',
    'data-efficiency',
    'knn',
    'linear-probe',
  ])
  expect(summaryOf(view)).toMatchObject({ method: 'simclr', step: 400 })
  expect(summaryOf(view).curves).toBeUndefined()
  expect(summaryOf(view).evaluations[4]!.confusion).toBeUndefined()
})

test('a run in the making, then with a lock, then further on', async () => {
  writeRun(folder, { ...run, evaluated: false })
  rmSync(join(folder, 'checkpoints'), { recursive: true })
  writeFileSync(join(folder, 'metrics.jsonl'), '{"step":10,"loss":3}\n')
  const reader = readerOf(folder)
  await reader.update()
  expect(reader.view()).toMatchObject({ state: 'stopped', step: 10, latest: { loss: 3 } })
  writeFileSync(join(folder, 'lock.json'), '{}')
  expect(await reader.update()).toBe(true)
  expect(reader.view().state).toBe('running')
  appendFileSync(join(folder, 'metrics.jsonl'), '{"step":20,"loss":2}\n')
  expect(await reader.update()).toBe(true)
  expect(reader.view()).toMatchObject({ step: 20, latest: { loss: 2 } })
})

test('a folder of runs makes a report about all of them, each once', async () => {
  for (const name of ['a', 'b', 'deep/c']) writeRun(join(folder, name), { ...run, evaluated: false })
  const { runs, title } = await reportData([folder, join(folder, 'a')])
  expect(runs.map(({ name }) => name)).toEqual(['a', 'b', 'c'])
  expect(title).toBe('3 runs compared')
  mkdirSync(join(folder, 'empty'))
  await expect(reportData([join(folder, 'empty')])).rejects.toThrow('holds no run')
})

test.each([
  ['{"formatVersion":2,', 'config.json is damaged'],
  ['{}', "config.json is not a run's"],
  ['null', "config.json is not a run's"],
])('a config of %s is a problem, no error', async (text, problem) => {
  writeFileSync(join(folder, 'config.json'), text)
  const reader = readerOf(folder)
  await reader.update()
  expect(reader.view().state).toBe('unreadable')
  expect(reader.view().problems.join()).toContain(problem)
})

test('half-written and foreign records are left out, the others stay', async () => {
  writeRun(folder, run)
  writeFileSync(join(folder, 'evaluation', 'broken.json'), '{"version":1,"proto')
  writeFileSync(join(folder, 'evaluation', 'foreign.json'), '{"version":1}')
  mkdirSync(join(folder, 'evaluation', 'folder.json'))
  const reader = readerOf(folder)
  await reader.update()
  expect(reader.view().evaluations).toHaveLength(5)
  expect(reader.view().problems).toEqual([
    'evaluation/broken.json is left out: it is not valid JSON (half written, or damaged)',
    expect.stringContaining('evaluation/foreign.json is left out: it is not an evaluation record: protocol'),
  ])
})

test('a record whose confusion matrix is not square is refused', () => {
  writeRun(folder, run)
  const reader = readerOf(folder)
  return reader.update().then(() => {
    const record = reader.view().evaluations.find(({ protocol }) => protocol === 'linear-probe')!
    expect(parseRecord(JSON.stringify(record))).toEqual(record)
    const skew = { ...record, confusion: { classes: ['a', 'b'], counts: [[1, 2]] } }
    expect(() => parseRecord(JSON.stringify(skew))).toThrow('a square matrix with one row per class')
  })
})

test('what is missing comes with the command that brings it', async () => {
  writeRun(join(folder, 'my run'), { ...run, evaluated: false })
  const reader = readerOf(join(folder, 'my run'))
  await reader.update()
  const view = { ...reader.view(), folder: 'runs/my run' }
  const missing = missingSections(view)
  expect(missing.map(({ section }) => section)).toContain('Embedding map')
  expect(missing[0]!.command).toBe("selfsup evaluate 'runs/my run' TRAIN TEST --all")
  expect(missing.at(-1)!.command).toContain('selfsup preview IMAGES --method simclr --out')
})

test('runs are found in and below a folder, not within runs', async () => {
  writeRun(join(folder, 'a'), run)
  writeRun(join(folder, 'deep', 'b'), run)
  writeFileSync(join(folder, 'a', 'evaluation', 'config.json'), '{}')
  mkdirSync(join(folder, '.hidden'))
  writeFileSync(join(folder, '.hidden', 'config.json'), '{}')
  expect(await findRuns(folder)).toEqual([join(folder, 'a'), join(folder, 'deep', 'b')])
  expect(await findRuns(join(folder, 'a'))).toEqual([join(folder, 'a')])
  expect(await findRuns(join(folder, 'nowhere'))).toEqual([])
})

test.runIf(process.platform !== 'win32')(
  'named pipes in the place of its files keep no run from being read',
  async () => {
    const [pipes, good] = [join(folder, 'a-pipes'), join(folder, 'good')]
    for (const path of [pipes, good]) writeRun(path, run)
    const files = ['config.json', 'metrics.jsonl', 'backbone/model.json', 'evaluation/knn.json']
    for (const name of files) {
      rmSync(join(pipes, name), { force: true })
      mkdirSync(join(pipes, name, '..'), { recursive: true })
      execFileSync('mkfifo', [join(pipes, name)])
    }
    const live = new LiveRuns(folder, { everyMs: 10, onChange() {}, onGone() {} })
    live.start()
    try {
      await vi.waitFor(() => expect(live.views().map(({ method }) => method)).toContain('simclr'), 5000)
      const hidden = live.views().find(({ name }) => name === 'a-pipes')
      expect(hidden?.problems).toEqual([expect.stringContaining('config.json is not a regular file')])
    } finally {
      await live.close()
    }
  },
)

test('a report is of runs', async () => {
  writeRun(join(folder, 'a'), run)
  expect(await reportData([join(folder, 'a')])).toMatchObject({
    title: 'a',
    live: false,
    runs: [{ name: 'a' }],
  })
  await expect(reportData([])).rejects.toThrow('at least one run')
  await expect(reportData([join(folder, 'b')])).rejects.toMatchObject({
    code: 'no-run',
    message: expect.stringContaining('holds no run: there is no'),
  })
  expect(namesOf(['x/a', 'y/b'])).toEqual(['a', 'b'])
  expect(namesOf(['x/a', 'y/a'])).toEqual(['x/a', 'y/a'])
})
