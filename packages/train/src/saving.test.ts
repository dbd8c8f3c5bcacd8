import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Engine, prepareEngine } from '@selfsup/engine'
import { findTensorflow } from '@selfsup/tensorflow'
import * as tf from '@tensorflow/tfjs-core'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { temporaryFolder } from '../../../tooling/vitest/temporary-folder.js'
import { type Trouble, tinyDataset, tinyMethod, tinyOptions } from './fixtures/tiny.js'
import { readSafetensors, type TrainOptions, train } from './index.js'
import { writeSafetensors } from './safetensors.js'

vi.mock('./safetensors.js', async (original) => {
  const safetensors = await original<typeof import('./safetensors.js')>()
  return { ...safetensors, writeSafetensors: vi.fn(safetensors.writeSafetensors) }
})

describe.runIf(findTensorflow()?.source === 'selfsup')('a checkpoint on native TensorFlow', () => {
  const folder = temporaryFolder()
  let engine: Engine
  let step = 0
  beforeAll(async () => {
    engine = await prepareEngine({ engine: 'tensorflow' })
  })
  beforeEach(() => {
    vi.mocked(writeSafetensors).mockReset()
    step = 0
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

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

  /** Lets each write wait until training has gone on, if it does, and fail if `problem` says so. */
  async function slowly(problem: (path: string) => Error | undefined = () => undefined) {
    const { writeSafetensors: write } =
      await vi.importActual<typeof import('./safetensors.js')>('./safetensors.js')
    const overlaps: number[] = []
    vi.mocked(writeSafetensors).mockImplementation(async (path, content) => {
      const own = Number(/(\d+)\.safetensors$/.exec(path)?.[1])
      const waits = own !== 0 && own !== 15 // not the first and the last
      for (let i = 0; waits && i < 50 && step === own; i++) await sleep(10)
      overlaps.push(step - own)
      const error = problem(path)
      if (error) throw error
      await write(path, content)
    })
    return overlaps
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
    const overlaps = await slowly()
    await run('background')
    expect(Math.max(...overlaps)).toBeGreaterThan(0)
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
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
    await slowly((path) => (/000(08|12)/.test(path) ? full : undefined))
    const result = await run('full', { onWarning: (warning) => warnings.push(warning) })
    expect(warnings[0]).toMatch(/step 8 can't be written: no space .* the newest checkpoint is of step 4/)
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
