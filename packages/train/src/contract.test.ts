import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encoderOf, type HostImages, type Method, SelfsupError } from '@selfsup/core'
import { type Engine, prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { tinyDataset, tinyMethod, tinyOptions } from './fixtures/tiny.js'
import {
  readRun,
  readSafetensors,
  restoreMethod,
  type StepReport,
  type TrainOptions,
  train,
} from './index.js'

// How the loop uses the optional parts of a method.
let engine: Engine
let folder: string
let out: string
beforeAll(async () => {
  engine = await prepareEngine({ engine: 'wasm' })
})
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selfsup-contract-'))
  out = join(folder, 'run')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const run = (method: Method, more: Partial<TrainOptions> = {}, dataset = tinyDataset(42)) =>
  train(method, dataset, { ...tinyOptions, out, engine, ...more })

/** A tiny method with some parts replaced. */
const tinyWith = (other: Partial<Method>, phases = false): Method => ({ ...tinyMethod({ phases }), ...other })

async function failure(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(SelfsupError)
  return (error as SelfsupError).message
}

test('a method chooses phases by step and epoch, and each phase is reported separately', async () => {
  const calls: string[] = []
  const reports: StepReport[] = []
  const phasesAt: Method['phasesAt'] = ({ step, epoch }) => {
    calls.push(`${step}/${epoch}`)
    return epoch === 1 ? ['back'] : ['forth', 'back']
  }
  await run(tinyWith({ phasesAt }, true), { onStep: (report) => reports.push(report) })
  expect(calls.slice(-15)).toEqual(Array.from({ length: 15 }, (_, i) => `${i}/${Math.floor(i / 5)}`))
  expect(Object.keys(reports[0]!.metrics)).toEqual(['forth/loss', 'forth/apart', 'back/loss', 'back/apart'])
  expect(Object.keys(reports[5]!.metrics)).toEqual(['back/loss', 'back/apart'])
  expect(reports[0]!.loss).toBeCloseTo(
    reports[0]!.metrics['forth/loss']! + reports[0]!.metrics['back/loss']!,
    5,
  )
  for (const { spread } of reports) expect(spread).toBeGreaterThan(0)
  const line = JSON.parse((await readFile(join(out, 'metrics.jsonl'), 'utf8')).split('\n')[0]!)
  expect(line).toMatchObject({ step: 1, loss: reports[0]!.loss, spread: reports[0]!.spread })
})

test('an alarm is reported once, and a NaN loss is reported with its phase', async () => {
  const warnings: string[] = []
  const alarms = [{ name: 'collapse', metric: 'forth/apart', below: 1e6, steps: 4, message: 'all are one' }]
  await run(tinyWith({ alarms }, true), { onWarning: (message) => warnings.push(message) })
  expect(warnings).toHaveLength(1)
  expect(warnings[0]).toMatch(
    /collapse at step 4: forth\/apart is .* on average over 4 steps, below 1000000: all are one/,
  )

  const whole = tinyMethod({ phases: true })
  const lost: typeof whole = {
    ...whole,
    loss(views, step, targets) {
      const result = whole.loss(views, step, targets)
      return step.phase === 'back' ? { ...result, loss: tf.mul(result.loss, Number.NaN) } : result
    },
  }
  expect(await failure(run(lost, { out: join(folder, 'lost') }))).toContain('back/loss became NaN at step 1')
})

test('rejects wrong phases, missing labels and a wrong order before the folder is created', async () => {
  expect(await failure(run(tinyWith({ phasesAt: () => ['sideways'] }, true)))).toContain(
    "tiny: unknown phase 'sideways'; available: forth, back",
  )
  expect(await failure(run(tinyWith({ needs: { labels: true } })))).toContain('tiny needs labels')
  expect(await failure(run(tinyWith({ order: () => new Uint32Array(7) })))).toContain(
    'fewer than a batch of 8',
  )
  expect(await readdir(folder)).toEqual([])
})

test('keeps no best checkpoint if losses are not comparable', async () => {
  const steps = async () => (await readdir(join(out, 'checkpoints'))).map((name) => Number(/\d+/.exec(name)))
  const settings = {
    checkpointEvery: 1,
    keepLast: 2,
    learningRate: 0.5,
    schedule: { name: 'constant' },
  } as const
  // The loss rises with every step, so the first checkpoint is the best.
  const rising = (comparableLoss: boolean): Method => {
    const method = tinyMethod()
    const loss: Method['loss'] = (views, step, targets) => {
      const result = method.loss(views as Parameters<typeof method.loss>[0], step, targets)
      return { ...result, loss: tf.add(result.loss, tf.mul(step.progress, 1000)) as tf.Scalar }
    }
    return { ...method, loss, comparableLoss }
  }
  await run(rising(true), settings)
  expect(await steps()).toEqual([1, 14, 15])
  await rm(out, { recursive: true })
  await run(rising(false), settings)
  expect(await steps()).toEqual([14, 15])
})

test('trains, saves and restores parameters together with networks and state', async () => {
  const method = tinyMethod({ phases: true })
  const { checkpoint } = await run(method)
  const { tensors } = await readSafetensors(checkpoint)
  const temperature = method.parameters!.temperature!
  expect(temperature.dataSync()[0]).not.toBe(1)
  expect(tensors['parameters/temperature']!.values).toEqual(temperature.dataSync())
  expect(Object.keys(tensors)).toContain('optimizer/main:forth+back/temperature/momentum')

  const again = tinyMethod({ phases: true })
  expect(await restoreMethod(again, out)).toBe(15)
  expect(again.parameters!.temperature!.dataSync()).toEqual(temperature.dataSync())
  expect(again.state.queue!.dataSync()).toEqual(method.state.queue!.dataSync())
  const images = tf.ones([2, 8, 8, 1]) as tf.Tensor4D
  const features = (trained: Method) => tf.tidy(() => encoderOf(trained)(images).dataSync())
  expect(features(again)).toEqual(features(method))
  expect(features({ ...again, encode: (x) => tf.reshape(x, [2, 64]) })).toEqual(new Float32Array(128).fill(1))
})

describe('a run can be resumed only with the same', () => {
  const withTemperature = (temperature: number) => tinyWith({ options: { temperature, views: 'auto' } })

  test('options of the method', async () => {
    const stop = new AbortController()
    await run(withTemperature(0.5), { signal: stop.signal, onStep: () => stop.abort() })
    expect(await readRun(out)).toMatchObject({
      options: { temperature: 0.5, views: 'auto' },
      stepsPerEpoch: 5,
      totalSteps: 15,
    })
    expect(await failure(run(withTemperature(0.2), { resume: true }))).toContain(
      "can't be resumed with different settings or data: the method's option temperature was 0.5, now 0.2",
    )
    expect(await run(withTemperature(0.5), { resume: true })).toMatchObject({ step: 15 })
  })

  test('normalisation', async () => {
    const grey = (mean: number) => tinyWith({ normalisation: { mean: [mean], std: [0.25] } })
    const stop = new AbortController()
    await run(grey(0.5), { signal: stop.signal, onStep: () => stop.abort() })
    expect(await failure(run(grey(0.4), { resume: true }))).toContain(
      'normalisation was {"mean":[0.5],"std":[0.25]}, now {"mean":[0.4],"std":[0.25]}',
    )
    expect(await run(grey(0.5), { resume: true })).toMatchObject({ step: 15 })
  })
})

describe('samples', () => {
  const samples: Method['samples'] = (views, { seed, progress }) => ({
    views: (views as { a: tf.Tensor4D }).a,
    seed: tf.cast(tf.reshape(tf.greater(seed, 0), [1, 1, 2, 1]), 'float32') as tf.Tensor4D,
    progress: tf.mul(tf.fill([1, 1, 1, 1], 2), progress) as tf.Tensor4D,
  })

  test('are shown at each checkpoint, computed from the same images, as bytes', async () => {
    const shown: { step: number; samples: Readonly<Record<string, HostImages>> }[] = []
    const method = tinyWith({ samples })
    const before = tf.memory().numTensors
    await run(method, { onSamples: (report) => void shown.push(report) })
    expect(tf.memory().numTensors).toBe(before)
    expect(shown.map(({ step }) => step)).toEqual([0, 4, 8, 12, 15])
    expect(shown[0]!.samples.views!.shape).toEqual([16, 8, 8, 1])
    for (const { step, samples } of shown) {
      expect(samples.views).toEqual(shown[0]!.samples.views)
      expect([...samples.progress!.data]).toEqual([Math.min(255, Math.round((510 * step) / 15))])
    }
  })

  test('that cannot be shown are reported as a warning, and training continues', async () => {
    const warnings: string[] = []
    const onSamples = () => Promise.reject(new Error('the printer is out of ink'))
    const result = await run(tinyWith({ samples }), {
      onSamples,
      onWarning: (w) => warnings.push(w),
    })
    expect(result.step).toBe(15)
    expect(warnings[0]).toBe('the samples of step 0 could not be shown: the printer is out of ink')
  })
})
