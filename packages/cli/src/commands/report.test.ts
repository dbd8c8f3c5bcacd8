import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { shapes } from '@selfsup/data'
import { cachedFeatures, featuresFile } from '@selfsup/evaluation'
import type { PageData } from '@selfsup/report'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { sampleFeatures, writeRun } from '../../../../tooling/browser/sample-runs.js'
import { report } from './report.js'

const images = shapes({ split: 'test', size: 16, count: 60 })
const classes = images.classes!
const flags = { images: true }
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selfsup-report-'))
})
afterEach(() => rm(folder, { recursive: true }))

/** A run whose kNN record names its features and test images of this fingerprint. */
async function evaluatedRun(testFingerprint: string): Promise<string> {
  const run = join(folder, 'a')
  const facts = { method: 'simclr', backbone: 'convnet', steps: 40, seed: 1, accuracy: 0.9, parameters: 9 }
  writeRun(run, { ...facts, classes, testFingerprint })
  const key = { images: testFingerprint }
  await cachedFeatures(join(run, 'features'), key, async () => sampleFeatures(images.labels()!, classes, 8))
  const path = join(run, 'evaluation', 'knn.json')
  const record = JSON.parse(await readFile(path, 'utf8'))
  await writeFile(path, JSON.stringify({ ...record, features: { test: featuresFile(key) } }))
  return run
}

async function dataOf(path: string): Promise<PageData> {
  const html = await readFile(path, 'utf8')
  return JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/.exec(html)![1]!)
}

test('a report contains the embedding map and thumbnails of the evaluated images', async () => {
  const run = await evaluatedRun(images.fingerprint)
  const out = join(folder, 'report.html')
  expect(await report([run], { ...flags, out })).toBe(0)
  const details = (await dataOf(out)).runs[0]!.details!
  expect(details.map!.positions).toHaveLength(60)
  expect(details.thumbnails!.test).toMatchObject({ cell: 16, fingerprint: images.fingerprint })
  expect(await report([run], { out, images: false })).toBe(0)
  expect((await dataOf(out)).runs[0]!.details!.thumbnails).toEqual({})
})

test('leaves out thumbnails if the images have changed since the evaluation', async () => {
  const run = await evaluatedRun('shapes-2-of-another-time')
  const out = join(folder, 'report.html')
  await report([run], { ...flags, out })
  const { thumbnails, notes } = (await dataOf(out)).runs[0]!.details!
  expect(thumbnails).toEqual({})
  expect(notes.join()).toContain('has changed since the evaluation')
})

test('refuses bad input before any work', async () => {
  await expect(report(['a'], { ...flags, out: 'report.pdf' })).rejects.toThrow(
    "--out must end in .html; got 'report.pdf'",
  )
  await expect(report([folder], { ...flags, out: 'report.html' })).rejects.toThrow('holds no run')
})
