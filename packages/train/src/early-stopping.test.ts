import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { weightNames } from '@selfsup/core'
import { type Engine, prepareEngine } from '@selfsup/engine'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { tinyDataset, tinyMethod } from './fixtures/tiny.js'
import { readRun, type TrainOptions, train } from './index.js'

let engine: Engine
let out: string
let folder: string
beforeAll(async () => {
  engine = await prepareEngine({ engine: 'wasm' })
})
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selfsup-early-'))
  out = join(folder, 'run')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** Trains 40 steps at most, with a checkpoint every five; the scores are those of the checkpoints 0, 5, 10, ... */
async function run(scores: readonly number[], more: Partial<TrainOptions> = {}) {
  const method = tinyMethod({})
  const weights: number[][] = []
  const warnings: string[] = []
  let calls = 0
  const current = () => [...weightNames(method.networks).values()].flatMap((weight) => [...weight.dataSync()])
  const result = await train(method, tinyDataset(42), {
    ...{ out, engine, epochs: 8, batchSize: 8, learningRate: 0.05, seed: 5, checkpointEvery: 5, patience: 2 },
    score: async () => {
      weights.push(current())
      return scores[calls++]!
    },
    onWarning: (message) => warnings.push(message),
    ...more,
  })
  const after = current()
  method.dispose()
  return { result, weights, warnings, calls, after }
}

const checkpoints = async () => (await readdir(join(out, 'checkpoints'))).sort()

test('stops when the score has not improved for `patience` checkpoints, and keeps the best weights', async () => {
  const { result, weights, warnings, calls, after } = await run([1, 3, 4, 3.5, 4])
  expect(calls).toBe(5)
  expect(result).toMatchObject({ interrupted: false, step: 10, totalSteps: 40 })
  expect(result.checkpoint).toBe(join(out, 'checkpoints', 'step-00000010.safetensors'))
  expect(after).toEqual(weights[2])
  expect(after).not.toEqual(weights[4])
  expect(warnings).toEqual([
    'the score of the features was highest, 4.000 after step 10, and fell with further training; the weights of that step are kept',
  ])
  expect((await checkpoints()).at(-1)).toBe('step-00000010.safetensors')
  expect(await readRun(out)).toMatchObject({ finished: true, step: 10, totalSteps: 40 })
  const lines = (await readFile(join(out, 'metrics.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines.filter((line) => 'score' in line).map(({ step, score }) => [step, score])).toEqual([
    [0, 1],
    [5, 3],
    [10, 4],
    [15, 3.5],
    [20, 4],
  ])
})

test('keeps the weights of the start if training makes the features worse', async () => {
  const { result, weights, warnings, after } = await run([5, 4, 3])
  expect(result.step).toBe(0)
  expect(after).toEqual(weights[0])
  expect(warnings[0]).toContain('training has not improved the score of the features, 5.000 after step 0')
})

test('a run whose score improves to the end is not stopped, and has its last weights', async () => {
  const { result, weights, warnings, after } = await run([1, 2, 3, 4, 5, 6, 7, 8, 9])
  expect(result).toMatchObject({ step: 40, interrupted: false })
  expect(after).toEqual(weights[8])
  expect(warnings).toEqual([])
  expect(await readdir(out)).not.toContain('stopped.json')
})

test('a resumed run remembers the best score', async () => {
  const stop = new AbortController()
  // Interrupted at the checkpoint of step 15, after the best score at step 10.
  const onStep: TrainOptions['onStep'] = ({ step }) => step === 14 && stop.abort()
  const first = await run([1, 2, 9, 3], { onStep, signal: stop.signal })
  expect(first.result.interrupted).toBe(true)
  const second = await run([4, 5], { resume: true })
  expect(second.result.step).toBe(10)
  expect(second.after).toEqual(first.weights[2])
})

test('an interruption between checkpoints does not change when the run stops', async () => {
  const stop = new AbortController()
  const onStep: TrainOptions['onStep'] = ({ step }) => step === 12 && stop.abort()
  // The weights of the interruption are not scored, however good they are.
  const first = await run([1, 2, 9, 99], { onStep, signal: stop.signal })
  expect(first.result.interrupted).toBe(true)
  expect([12, 13]).toContain(first.result.step) // a report may arrive after the next step
  expect(first.calls).toBe(3)
  const second = await run([3, 4], { resume: true })
  expect(second.calls).toBe(2)
  expect(second.result).toMatchObject({ interrupted: false, step: 10 })
  expect(second.after).toEqual(first.weights[2])
})

test('a stopped run that is extended continues from its best weights, as a run that was never stopped', async () => {
  const schedule = { name: 'constant' } as const
  const better = [10, 11, 12, 13, 14, 15, 16]
  await run([1, 2, 9, 3, 4], { schedule })
  const extended = await run(better, { schedule, resume: true, extend: true, epochs: 9 })
  expect(extended.result).toMatchObject({ interrupted: false, step: 45 })
  expect(await readdir(out)).not.toContain('stopped.json')
  await rm(out, { recursive: true })
  const whole = await run([1, 2, 9, ...better], { schedule, epochs: 9 })
  expect(extended.after).toEqual(whole.after)
})

test('a score that is not a number is never the best', async () => {
  const { result, weights, after } = await run([1, 3, Number.NaN, Number.NaN])
  expect(result.step).toBe(5)
  expect(after).toEqual(weights[1])
})

test('needs a score', async () => {
  await expect(run([], { score: undefined })).rejects.toThrow(
    'train: `patience` needs a `score` of the features',
  )
})
