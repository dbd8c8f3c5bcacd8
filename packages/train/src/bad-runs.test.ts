import { rmSync } from 'node:fs'
import {
  type FileHandle,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SelfsupError } from '@selfsup/core'
import { type Engine, prepareEngine } from '@selfsup/engine'
import { lockRun } from '@selfsup/run-folder'
import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Trouble, tinyDataset, tinyMethod, tinyOptions } from './fixtures/tiny.js'
import { readRun, readSafetensors, type StepReport, type TrainOptions, train } from './index.js'

let engine: Engine
let folder: string
let out: string
beforeAll(async () => {
  engine = await prepareEngine({ engine: 'wasm' })
})
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selfsup-bad-'))
  out = join(folder, 'run')
})
afterEach(async () => {
  vi.restoreAllMocks()
  await rm(folder, { recursive: true, force: true })
})

const run = (more: Partial<TrainOptions> = {}, trouble: Trouble = {}, length = 42) =>
  train(tinyMethod({}, trouble), tinyDataset(length, trouble), { ...tinyOptions, out, engine, ...more })

const saved = async () => (await readdir(join(out, 'checkpoints'))).map((name) => Number(/\d+/.exec(name)))

/** The prototype of open files, to make their methods fail. */
async function fileHandles(): Promise<FileHandle> {
  const file = await open(join(folder, 'probe'), 'w')
  await file.close()
  return Object.getPrototypeOf(file)
}

/** The message of a promise's rejection, which must be a SelfsupError. */
async function failure(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(SelfsupError)
  return (error as SelfsupError).message
}

describe('is rejected before anything is written', () => {
  test.each([
    [{ epochs: 0 }, 42, 'epochs must be a whole number of at least 1; got 0'],
    [{ epochs: 1.5 }, 42, 'epochs must be a whole number of at least 1; got 1.5'],
    [{ batchSize: 1 }, 42, 'batchSize must be a whole number of at least 2; got 1'],
    [
      { batchSize: 64 },
      42,
      'a batch of 64 is larger than tiny, which has 42 images; use a batch of at most 42',
    ],
    [{}, 0, 'tiny contains no images'],
    [{}, 1, 'tiny contains a single image'],
    [{ learningRate: 0 }, 42, 'learningRate must be above 0; got 0'],
    [{ learningRate: Number.NaN }, 42, 'learningRate must be above 0; got NaN'],
    [{ seed: 0.5 }, 42, 'seed must be a whole number; got 0.5'],
    [{ maxSteps: 0 }, 42, 'maxSteps must be'],
    [{ checkpointEvery: 0 }, 42, 'checkpointEvery must be'],
    [{ keepLast: 0 }, 42, 'keepLast must be'],
    [{ optimizer: { name: 'sgd', momentum: 2 } }, 42, 'sgd: momentum must be'],
    [{ schedule: { name: 'step', milestones: [2, 1] } }, 42, 'milestones must be ascending'],
  ] as const)('%j with %i images', async (options, length, message) => {
    expect(await failure(run(options, {}, length))).toContain(message)
    expect(await readdir(folder)).toEqual([])
  })

  test('a folder that another process uses', async () => {
    await mkdir(out)
    const lock = await lockRun(out)
    expect(await failure(run())).toContain(`${out} is in use by another run`)
    await lock.release()
    expect(await readdir(out)).toEqual([])
  })

  test('a folder with another run, which remains unchanged', async () => {
    await run({ maxSteps: 2 })
    const before = await readFile(join(out, 'config.json'), 'utf8')
    expect(await failure(run())).toBe(
      `${out} already holds a run (tiny, finished); resume it, or choose another folder`,
    )
    expect(await readFile(join(out, 'config.json'), 'utf8')).toBe(before)
    expect(await readdir(out)).not.toContain('lock.json')
  })

  test('a folder without write permission', async () => {
    await mkdir(out)
    const refuse = Object.assign(new Error('EROFS: read-only file system'), { code: 'EROFS' })
    vi.spyOn(await fileHandles(), 'writeFile').mockRejectedValue(refuse)
    expect(await failure(run())).toBe(`${out} can't be written: the file system is read-only`)
    expect(await readdir(out)).toEqual([])
  })

  test('a file instead of a folder', async () => {
    await writeFile(out, '')
    expect(await failure(run())).toContain("can't be a run's folder: there is a file in its place")
  })

  test('resuming a folder with no run or a damaged one', async () => {
    expect(await failure(run({ resume: true }))).toContain(`${out} holds no run`)
    await mkdir(out)
    await writeFile(join(out, 'config.json'), '{')
    expect(await failure(run({ resume: true }))).toContain('config.json is damaged')
  })

  test('resuming with other settings or images', async () => {
    await run({ maxSteps: 2 })
    const message = await failure(run({ resume: true, maxSteps: 2, batchSize: 6 }, {}, 40))
    expect(message).toContain('number of images was 42, now 40')
    expect(message).toContain('batchSize was 8, now 6')
    expect(message).toContain('the images differ: some were added, removed or changed')
  })
})

test('replaces a run that saved no step', async () => {
  await expect(run({}, { throwAt: 0 })).rejects.toThrow('the disk fell out')
  expect(await saved()).toEqual([0])
  expect(await run({ seed: 6 })).toMatchObject({ step: 15 })
  expect(await readRun(out)).toMatchObject({ settings: { seed: 6 }, step: 15 })
})

test('a signal ends the run after the current step, and the result is marked as interrupted', async () => {
  const stop = new AbortController()
  const result = await run({ signal: stop.signal, onStep: ({ step }) => step === 6 && stop.abort() })
  expect(result.interrupted).toBe(true)
  expect(result.step).toBeLessThanOrEqual(8)
  expect(await readRun(out)).toMatchObject({ step: result.step, totalSteps: 15, finished: false })
  expect(await readdir(out)).not.toContain('lock.json')
})

test('slow steps are not queued: a signal ends the run after the step that is computed', async () => {
  const first = new AbortController()
  const { step } = await run({ signal: first.signal, onStep: () => first.abort() })
  expect(step).toBe(1)

  let now = 0
  vi.spyOn(performance, 'now').mockImplementation(() => (now += 1000))
  const stop = new AbortController()
  const onStep = ({ step }: { step: number }) => step === 6 && stop.abort()
  expect(await run({ resume: true, signal: stop.signal, onStep })).toMatchObject({ step: 6 })
})

test('a folder that is deleted during the run is complete again at the end', async () => {
  const warnings: string[] = []
  const onWarning = (message: string) => warnings.push(message)
  const onStep = ({ step }: { step: number }) => step === 6 && rmSync(out, { recursive: true })
  expect(await run({ onStep, onWarning })).toMatchObject({ step: 15, interrupted: false })
  expect(warnings.join()).toContain('config.json was deleted while the run trains; it is written again')
  expect(await readRun(out)).toMatchObject({ step: 15, finished: true })
  expect(await readdir(join(out, 'backbone'))).toEqual(['model.json', 'weights.bin'])
})

test('reports what it does before the first step and at the end', async () => {
  const events: string[] = []
  const onStep = ({ step, secondsLeft }: StepReport) => {
    if (step < 4 || step === 15) events.push(`${step}: ${secondsLeft === undefined ? '?' : secondsLeft >= 0}`)
  }
  await run({ onStep, onPhase: (phase) => events.push(phase) })
  const steps = ['1: ?', '2: ?', '3: ?', '15: true']
  expect(events).toEqual(['decode', 'compile', ...steps, 'save', 'export'])
})

test('a signal ends the run without waiting for a slow batch', async () => {
  const stop = new AbortController()
  setTimeout(() => stop.abort(), 50)
  const result = await run({ signal: stop.signal }, { slow: 2_000_000 })
  expect(result).toMatchObject({ interrupted: true, step: 0 })
})

test('a loss of NaN stops the run and keeps the earlier checkpoints', async () => {
  const method = tinyMethod({}, { nanFrom: 0.6 })
  const before = tf.memory().numTensors
  const message = await failure(train(method, tinyDataset(42), { ...tinyOptions, out, engine }))
  expect(message).toContain('the loss became NaN at step 10 (epoch 2)')
  expect(message).toMatch(/Last good checkpoint: .*step-00000008\.safetensors \(step 8\)/)
  expect(message).toContain('the learning rate is too high (0.0')
  expect(await saved()).toEqual([4, 8])
  expect(tf.memory().numTensors).toBe(before)
  for (const { dtype, values } of Object.values(
    (await readSafetensors(join(out, 'checkpoints', 'step-00000008.safetensors'))).tensors,
  ))
    if (dtype === 'float32') expect(values.every(Number.isFinite)).toBe(true)
})

test('does not save weights that are not finite, even if the loss was finite', async () => {
  const message = await failure(run({ learningRate: 1e30, checkpointEvery: 1 }, { scale: 1e20 }))
  expect(message).toMatch(/networks\/backbone\/.* has a value that is -?(NaN|Infinity) at step 1/)
  expect(await saved()).toEqual([0])
})

test('saves the finished steps if the dataset throws', async () => {
  await expect(run({}, { throwAt: 3 })).rejects.toThrow('the disk fell out')
  expect(await readRun(out)).toMatchObject({ step: 3 })
  expect(await run({ resume: true })).toMatchObject({ step: 15, interrupted: false })
})

test('keeps the newest checkpoints and the best one', async () => {
  await run({ checkpointEvery: 1, keepLast: 3, learningRate: 0.5, schedule: { name: 'constant' } })
  const steps = await saved()
  expect(steps.slice(-3)).toEqual([13, 14, 15])
  expect(steps.length).toBeLessThanOrEqual(4)
})

describe('warnings about the precision of a resumed run', () => {
  /** Stops after a step, changes config.json and resumes; returns the warnings. */
  async function warningsAfter(change: (config: Record<string, unknown>) => void): Promise<string[]> {
    await expect(run({}, { throwAt: 1 })).rejects.toThrow()
    const path = join(out, 'config.json')
    const config = JSON.parse(await readFile(path, 'utf8'))
    expect(config.precision).toBe('float32')
    change(config)
    await writeFile(path, JSON.stringify(config))
    const warnings: string[] = []
    expect(await run({ resume: true, onWarning: (warning) => warnings.push(warning) })).toMatchObject({
      step: 15,
    })
    return warnings
  }
  const engineOf = (description: string) => (config: Record<string, unknown>) => {
    delete config.precision
    config.versions = { engine: `tensorflow: native TensorFlow 2.21.0, ${description}` }
  }

  test('the same precision: no warning', async () => {
    expect(await warningsAfter(() => {})).toEqual([])
  })

  test('a float32 run of a version that did not save the precision: no warning', async () => {
    expect(await warningsAfter(engineOf('2 threads'))).toEqual([])
  })

  test.each(['bfloat16', 'float16'])(
    'a %s run of such a version: weights were stored in 16 bits',
    async (type) => {
      const [warning, ...others] = await warningsAfter(engineOf(`2 threads, ${type}`))
      expect(warning).toContain('stored weights, optimiser state and momentum networks in 16 bits')
      expect(others).toEqual([])
    },
  )

  test('from mixed precision to float32: names both', async () => {
    const [warning] = await warningsAfter((config) => {
      config.precision = 'mixed-bfloat16'
    })
    expect(warning).toContain('started in mixed precision (bfloat16) and continues in float32')
  })
})

describe('a damaged newest checkpoint', () => {
  test.each([100, 0])('truncated to %i bytes: resumes from the previous one', async (length) => {
    const whole = await run()
    const end = await readSafetensors(whole.checkpoint)
    await truncate(whole.checkpoint, length)
    const warnings: string[] = []
    const again = await run({ resume: true, onWarning: (warning) => warnings.push(warning) })
    expect(warnings.join()).toContain('checkpoint skipped')
    expect(warnings.join()).toContain('step-00000015.safetensors')
    expect(await readSafetensors(again.checkpoint)).toEqual(end)
  })

  test('all checkpoints damaged: throws and overwrites nothing', async () => {
    await run()
    for (const step of await saved())
      await truncate(join(out, 'checkpoints', `step-${String(step).padStart(8, '0')}.safetensors`), 99)
    expect(await failure(run({ resume: true }))).toContain('none of the')
  })
})

describe('a full disk', () => {
  /** Makes writes to open files fail as on a full disk, until the spy is restored. */
  async function fillDisk() {
    const handle = await open(join(folder, 'probe'), 'w')
    const prototype = Object.getPrototypeOf(handle)
    await handle.close()
    return vi
      .spyOn(prototype, 'write')
      .mockImplementation(() =>
        Promise.reject(
          Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }),
        ),
      )
  }

  test('during a run: warns, tries the next checkpoint again, and loses nothing', async () => {
    const warnings: string[] = []
    let disk: ReturnType<typeof fillDisk> | undefined
    const result = await run({
      onWarning: (warning) => warnings.push(warning),
      onStep({ step }) {
        if (step === 5) disk = fillDisk()
        if (step === 13) disk?.then((spy) => spy.mockRestore())
      },
    })
    expect(warnings.length).toBeGreaterThan(0)
    expect(warnings[0]).toContain("the checkpoint of step 8 can't be written: no space is left on the disk")
    expect(warnings[0]).toContain('the newest checkpoint is of step 4')
    expect(await saved()).toContain(15)
    expect(result.step).toBe(15)
    expect((await readdir(join(out, 'checkpoints'))).filter((name) => name.includes('tmp'))).toEqual([])
  })

  test('until the end: throws with the newest checkpoint, from which the run can be resumed', async () => {
    const message = await failure(run({ onStep: ({ step }) => void (step === 5 && fillDisk()) }))
    expect(message).toContain(
      "training reached step 15, but its last checkpoint can't be written: no space is left",
    )
    expect(message).toContain('The newest checkpoint is of step 4')
    vi.restoreAllMocks()
    expect(await run({ resume: true })).toMatchObject({ step: 15 })
  })

  test('at the start: throws before the first step', async () => {
    await fillDisk()
    expect(await failure(run())).toContain(
      "the first checkpoint can't be written: no space is left on the disk",
    )
  })
})

test('resuming a finished run returns at once', async () => {
  const whole = await run()
  expect(await run({ resume: true })).toMatchObject({
    step: 15,
    checkpoint: whole.checkpoint,
    interrupted: false,
  })
})
