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
import { readRun, readSafetensors, type TrainOptions, train } from './index.js'

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

/** What all open files have in common, to make them fail. */
async function fileHandles(): Promise<FileHandle> {
  const file = await open(join(folder, 'probe'), 'w')
  await file.close()
  return Object.getPrototypeOf(file)
}

/** What a promise fails with; it must be an error meant for a person. */
async function failure(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(SelfsupError)
  return (error as SelfsupError).message
}

describe('before anything is written', () => {
  test.each([
    [{ epochs: 0 }, 42, 'epochs must be a whole number of at least 1; got 0'],
    [{ epochs: 1.5 }, 42, 'epochs must be a whole number of at least 1; got 1.5'],
    [{ batchSize: 1 }, 42, 'batchSize must be a whole number of at least 2; got 1'],
    [
      { batchSize: 64 },
      42,
      'a batch of 64 is larger than tiny with its 42 images; take a batch of at most 42',
    ],
    [{}, 0, 'tiny holds no images'],
    [{}, 1, 'tiny holds a single image'],
    [{ learningRate: 0 }, 42, 'learningRate must be above 0; got 0'],
    [{ learningRate: Number.NaN }, 42, 'learningRate must be above 0; got NaN'],
    [{ seed: 0.5 }, 42, 'seed must be a whole number; got 0.5'],
    [{ maxSteps: 0 }, 42, 'maxSteps must be'],
    [{ checkpointEvery: 0 }, 42, 'checkpointEvery must be'],
    [{ keepLast: 0 }, 42, 'keepLast must be'],
    [{ optimizer: { name: 'sgd', momentum: 2 } }, 42, 'sgd: momentum must be'],
    [{ schedule: { name: 'step', milestones: [2, 1] } }, 42, 'milestones must ascend'],
  ] as const)('%j with %i images', async (options, length, message) => {
    expect(await failure(run(options, {}, length))).toContain(message)
    expect(await readdir(folder)).toEqual([])
  })

  test('a folder that a live process uses', async () => {
    await mkdir(out)
    const lock = await lockRun(out)
    expect(await failure(run())).toContain(`${out} is in use by another run`)
    await lock.release()
    expect(await readdir(out)).toEqual([])
  })

  test('a folder that holds another run, which stays as it is', async () => {
    await run({ maxSteps: 2 })
    const before = await readFile(join(out, 'config.json'), 'utf8')
    expect(await failure(run())).toBe(
      `${out} already holds a run (tiny, finished); resume it, or choose another folder`,
    )
    expect(await readFile(join(out, 'config.json'), 'utf8')).toBe(before)
    expect(await readdir(out)).not.toContain('lock.json')
  })

  test('a folder that can not be written to', async () => {
    await mkdir(out)
    const refuse = Object.assign(new Error('EROFS: read-only file system'), { code: 'EROFS' })
    vi.spyOn(await fileHandles(), 'writeFile').mockRejectedValue(refuse)
    expect(await failure(run())).toBe(`${out} can't be written: the file system is read-only`)
    expect(await readdir(out)).toEqual([])
  })

  test('a file in the place of the folder', async () => {
    await writeFile(out, '')
    expect(await failure(run())).toContain("can't be a run's folder: there is a file in its place")
  })

  test('a folder to go on in that holds no run, or a damaged one', async () => {
    expect(await failure(run({ resume: true }))).toContain(`${out} holds no run`)
    await mkdir(out)
    await writeFile(join(out, 'config.json'), '{')
    expect(await failure(run({ resume: true }))).toContain('config.json is damaged')
  })

  test('going on with other settings or images', async () => {
    await run({ maxSteps: 2 })
    const message = await failure(run({ resume: true, maxSteps: 2, batchSize: 6 }, {}, 40))
    expect(message).toContain('number of images was 42, now 40')
    expect(message).toContain('batchSize was 8, now 6')
    expect(message).toContain('the images are others: some were added, removed or changed since')
  })
})

test('a run that never got to save a step is replaced', async () => {
  await expect(run({}, { throwAt: 0 })).rejects.toThrow('the disk fell out')
  expect(await saved()).toEqual([0])
  expect(await run({ seed: 6 })).toMatchObject({ step: 15 })
  expect(await readRun(out)).toMatchObject({ settings: { seed: 6 }, step: 15 })
})

test('a signal ends the run after its step, and it says so', async () => {
  const stop = new AbortController()
  const result = await run({ signal: stop.signal, onStep: ({ step }) => step === 6 && stop.abort() })
  expect(result.interrupted).toBe(true)
  expect(result.step).toBeLessThanOrEqual(8)
  expect(await readRun(out)).toMatchObject({ step: result.step, totalSteps: 15, finished: false })
  expect(await readdir(out)).not.toContain('lock.json')
})

test('a signal does not wait for a batch that is slow to come', async () => {
  const stop = new AbortController()
  setTimeout(() => stop.abort(), 50)
  const result = await run({ signal: stop.signal }, { slow: 2_000_000 })
  expect(result).toMatchObject({ interrupted: true, step: 0 })
})

test('a loss that is no number stops the run; the checkpoints before it stand', async () => {
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

test('weights that are no numbers are not saved though the loss still was one', async () => {
  const message = await failure(run({ learningRate: 1e30, checkpointEvery: 1 }, { scale: 1e20 }))
  expect(message).toMatch(/networks\/backbone\/.* has a value that is -?(NaN|Infinity) at step 1/)
  expect(await saved()).toEqual([0])
})

test('an error of the dataset saves what was reached', async () => {
  await expect(run({}, { throwAt: 3 })).rejects.toThrow('the disk fell out')
  expect(await readRun(out)).toMatchObject({ step: 3 })
  expect(await run({ resume: true })).toMatchObject({ step: 15, interrupted: false })
})

test('the newest checkpoints and the best stay', async () => {
  await run({ checkpointEvery: 1, keepLast: 3, learningRate: 0.5, schedule: { name: 'constant' } })
  const steps = await saved()
  expect(steps.slice(-3)).toEqual([13, 14, 15])
  expect(steps.length).toBeLessThanOrEqual(4)
})

describe('a run that goes on in another precision', () => {
  /** Stops after a step, changes what config.json says, and goes on; what was warned of. */
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

  test('the same: nothing is said', async () => {
    expect(await warningsAfter(() => {})).toEqual([])
  })

  test('a run from before precision was written down, in float32: nothing is said', async () => {
    expect(await warningsAfter(engineOf('2 threads'))).toEqual([])
  })

  test.each(['bfloat16', 'float16'])('such a run in %s: weights were kept in it', async (type) => {
    const [warning, ...others] = await warningsAfter(engineOf(`2 threads, ${type}`))
    expect(warning).toContain('kept weights, optimiser state and momentum networks in 16 bits')
    expect(others).toEqual([])
  })

  test('from mixed precision to float32: both are named', async () => {
    const [warning] = await warningsAfter((config) => {
      config.precision = 'mixed-bfloat16'
    })
    expect(warning).toContain('started in mixed precision (bfloat16) and goes on in float32')
  })
})

describe('a damaged newest checkpoint', () => {
  test.each([100, 0])('cut to %i bytes: the one before it serves', async (length) => {
    const whole = await run()
    const end = await readSafetensors(whole.checkpoint)
    await truncate(whole.checkpoint, length)
    const warnings: string[] = []
    const again = await run({ resume: true, onWarning: (warning) => warnings.push(warning) })
    expect(warnings.join()).toContain('checkpoint passed over')
    expect(warnings.join()).toContain('step-00000015.safetensors')
    expect(await readSafetensors(again.checkpoint)).toEqual(end)
  })

  test('all of them: an error, nothing overwritten', async () => {
    await run()
    for (const step of await saved())
      await truncate(join(out, 'checkpoints', `step-${String(step).padStart(8, '0')}.safetensors`), 99)
    expect(await failure(run({ resume: true }))).toContain('none of its')
  })
})

describe('a full disk', () => {
  /** From now on writing to files opened by handle fails as on a full disk, until told otherwise. */
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

  test('while the run goes: a warning, the next checkpoint is tried again, nothing is lost', async () => {
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
    expect(warnings[0]).toContain('the one of step 4 stands')
    expect(await saved()).toContain(15)
    expect(result.step).toBe(15)
    expect((await readdir(join(out, 'checkpoints'))).filter((name) => name.includes('tmp'))).toEqual([])
  })

  test('to the end: an error that says where the run stands, and it can go on from there', async () => {
    const message = await failure(run({ onStep: ({ step }) => void (step === 5 && fillDisk()) }))
    expect(message).toContain(
      "training reached step 15, but its last checkpoint can't be written: no space is left",
    )
    expect(message).toContain('The one of step 4 is kept')
    vi.restoreAllMocks()
    expect(await run({ resume: true })).toMatchObject({ step: 15 })
  })

  test('at the start: an error before the first step', async () => {
    await fillDisk()
    expect(await failure(run())).toContain(
      "the first checkpoint can't be written: no space is left on the disk",
    )
  })
})

test('a finished run that is asked to go on is done at once', async () => {
  const whole = await run()
  expect(await run({ resume: true })).toMatchObject({
    step: 15,
    checkpoint: whole.checkpoint,
    interrupted: false,
  })
})
