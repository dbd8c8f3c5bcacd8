import { existsSync, readdirSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Engine, prepareEngine } from '@selfsup/engine'
import { findTensorflow } from '@selfsup/tensorflow'
import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { temporaryFolder } from '../../../tooling/vitest/temporary-folder.js'
import { type Trouble, tinyDataset, tinyMethod, tinyOptions } from './fixtures/tiny.js'
import { readSafetensors, type TrainOptions, train } from './index.js'

describe.runIf(findTensorflow()?.source === 'selfsup')('a checkpoint on native TensorFlow', () => {
  let folder: string
  let engine: Engine
  let step = 0
  beforeAll(async () => {
    folder = temporaryFolder()
    engine = await prepareEngine({ engine: 'tensorflow' })
  })
  beforeEach(() => {
    step = 0
  })
  afterEach(() => {
    vi.restoreAllMocks()
  })

  function run(name: string, more: Partial<TrainOptions> = {}, trouble: Trouble = {}) {
    return train(tinyMethod({}, trouble), tinyDataset(42, trouble), {
      ...tinyOptions,
      keepLast: 9,
      out: join(folder, name),
      engine,
      onStep: (report) => {
        step = report.step
      },
      ...more,
    })
  }

  /** Lets some writes wait until training has gone on, and all fail while the disk is full. */
  async function slowly(full: () => boolean = () => false): Promise<void> {
    const probe = await open(join(folder, 'probe'), 'w')
    await probe.close()
    const files: FileHandle = Object.getPrototypeOf(probe)
    const { write } = files
    let left = 3
    vi.spyOn(files, 'write').mockImplementation(async function (this: FileHandle, ...args: unknown[]) {
      const before = step
      if (before > 0 && left-- > 0) for (let i = 0; i < 50 && step === before; i++) await sleep(10)
      if (full()) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
      return Reflect.apply(write, this, args)
    } as typeof write)
  }

  test('leaves no tensors on the device', async () => {
    await slowly()
    const method = tinyMethod()
    const { numTensors } = tf.memory()
    await train(method, tinyDataset(42), { ...tinyOptions, out: join(folder, 'tensors'), engine })
    expect(tf.memory().numTensors).toBe(numTensors)
    method.dispose()
  })

  test('is written while training continues, and holds the weights of its step', async () => {
    await slowly()
    let overlaps = false
    await run('background', {
      onStep(report) {
        step = report.step
        if (step === 5)
          overlaps = !existsSync(join(folder, 'background', 'checkpoints', 'step-00000004.safetensors'))
      },
    })
    expect(overlaps).toBe(true)
    await run('waiting', { engine: { ...engine, name: 'cpu' } }) // other engines wait
    const names = readdirSync(join(folder, 'waiting', 'checkpoints'))
    expect(names).toEqual(['00', '04', '08', '12', '15'].map((number) => `step-000000${number}.safetensors`))
    expect(readdirSync(join(folder, 'background', 'checkpoints'))).toEqual(names)
    const position = ({ metadata }: { metadata: Readonly<Record<string, string>> }) =>
      ['step', 'smoothedLoss', 'epochLoss', 'epochSteps'].map((key) => metadata[key])
    for (const name of names) {
      const [a, b] = await Promise.all(
        ['background', 'waiting'].map((run) => readSafetensors(join(folder, run, 'checkpoints', name))),
      )
      expect(a!.tensors, name).toEqual(b!.tensors)
      expect(position(a!)).toEqual(position(b!))
    }
  })

  test('that cannot be written is reported, and the next one is tried', async () => {
    const warnings: string[] = []
    await slowly(() => step >= 5 && step < 13)
    const result = await run('full', { onWarning: (warning) => warnings.push(warning) })
    expect(warnings.join('\n')).toMatch(
      /step 8 can't be written: no space .* the newest checkpoint is of step [04]/,
    )
    expect(result).toMatchObject({ step: 15, checkpoint: expect.stringContaining('step-00000015') })
  })

  test('in progress is finished before a loss of NaN ends the run, and is the one that the error names', async () => {
    await slowly()
    // The loss is NaN at the step after the checkpoint of step 8.
    await expect(run('nan', {}, { nanFrom: 8 / 15 })).rejects.toThrow(/step-00000008\.safetensors \(step 8\)/)
    expect(readdirSync(join(folder, 'nan', 'checkpoints'))).toContain('step-00000008.safetensors')
  })

  test('records the step from which XLA was used, and a resumed run waits for XLA there', async () => {
    let prepared = 0
    /** An engine whose steps run by XLA after some calls, or when they are prepared. */
    const changing = (callsBefore: number): Engine => ({
      ...engine,
      compile(step, options) {
        const inner = engine.compile(step, options)
        let [calls, ready] = [0, false]
        const call = (...args: Parameters<typeof inner>) => {
          ready ||= calls++ >= callsBefore
          return inner(...args)
        }
        const prepare = async () => {
          prepared++
          ready = true
        }
        const { captures, dispose } = inner
        return Object.defineProperties(Object.assign(call, { captures, prepare, dispose }), {
          byXla: { get: () => ready },
          compiling: { get: () => !ready },
        }) as unknown as typeof inner
      },
    })
    const compiling: (number | undefined)[] = []
    const interrupt = new AbortController()
    const first = await run('xla', {
      engine: changing(6),
      signal: interrupt.signal,
      onStep(report) {
        if (report.compiling) compiling.push(report.step)
        if (report.step === 9) interrupt.abort()
      },
    })
    expect(first.interrupted).toBe(true)
    expect(compiling).toEqual([1, 2, 3, 4, 5, 6])
    expect(prepared).toBe(0)
    const { metadata } = await readSafetensors(first.checkpoint)
    expect(Object.values(JSON.parse(metadata.xlaFrom!))).toEqual([6]) // counted from 0
    const end = await run('xla', {
      engine: changing(Number.POSITIVE_INFINITY),
      resume: true,
      onStep: (report) => expect(report.compiling).toBeUndefined(),
    })
    expect(prepared).toBe(1)
    // The same bits as a run that always computes as this engine does.
    const whole = await run('xla-whole')
    expect((await readSafetensors(end.checkpoint)).tensors).toEqual(
      (await readSafetensors(whole.checkpoint)).tensors,
    )
  })
})
