import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Engine, prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { tinyDataset, tinyMethod } from './fixtures/tiny.js'
import {
  readRun,
  readSafetensors,
  restoreNetworks,
  type StepReport,
  type TrainOptions,
  train,
} from './index.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selfsup-train-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const values = async (checkpoint: string) => (await readSafetensors(checkpoint)).tensors

describe.each(testEngines())('%s', (name) => {
  let engine: Engine
  beforeAll(async () => {
    engine = await prepareEngine({ engine: name })
  })
  const optionsFor = (more: Partial<TrainOptions> = {}): TrainOptions => ({
    out: join(folder, 'run'),
    engine,
    epochs: 3,
    batchSize: 8,
    learningRate: 0.05,
    seed: 5,
    logEvery: 1,
    ...more,
  })

  test('a run reduces the loss, reports each step, saves checkpoints and metrics, and leaks no tensors', async () => {
    const method = tinyMethod({ convolution: name === 'tensorflow' })
    const before = tf.memory().numTensors
    const steps: StepReport[] = []
    const epochs: number[] = []
    const result = await train(
      method,
      tinyDataset(42),
      optionsFor({ onStep: (report) => steps.push(report), onEpoch: ({ loss }) => epochs.push(loss) }),
    )
    expect(tf.memory().numTensors).toBe(before)
    expect(result).toMatchObject({ interrupted: false, step: 15, totalSteps: 15 })
    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 15 }, (_, i) => i + 1))
    expect(steps[0]).toMatchObject({ epoch: 0, epochs: 3, totalSteps: 15, learningRate: 0.05 })
    expect(steps[0]!.spread).toBeGreaterThan(0)
    expect(Object.keys(steps[0]!.metrics)).toEqual(['apart'])
    expect(epochs).toHaveLength(3)
    expect(epochs[2]!).toBeLessThan(epochs[0]!)

    const checkpoints = await readdir(join(folder, 'run', 'checkpoints'))
    expect(checkpoints.filter((file) => file.endsWith('.safetensors')).length).toBe(checkpoints.length)
    expect(checkpoints).toContain('step-00000015.safetensors')
    expect(await readRun(join(folder, 'run'))).toMatchObject({ method: 'tiny', step: 15, finished: true })
    const lines = (await readFile(join(folder, 'run', 'metrics.jsonl'), 'utf8')).trim().split('\n')
    expect(lines).toHaveLength(15 + 3)
    expect(JSON.parse(lines[0]!)).toMatchObject({ step: 1, epoch: 0, learningRate: 0.05 })

    expect((await readdir(result.backbone)).sort()).toEqual(['model.json', 'weights.bin'])

    const again = tinyMethod({ convolution: name === 'tensorflow' })
    expect(await restoreNetworks({ backbone: again.networks.backbone }, join(folder, 'run'))).toBe(15)
    again.networks.backbone.weights.forEach((weight, i) => {
      expect(weight.read().dataSync()).toEqual(method.networks.backbone.weights[i]!.read().dataSync())
    })
    method.dispose()
    again.dispose()
  })

  test('a finished run extends to more epochs, on the schedule of a run of that length', async () => {
    const constant = { schedule: { name: 'constant' } } as const
    // Without the momentum copy, whose momentum follows the progress of the run.
    const make = () => ({ ...tinyMethod(), afterUpdate: () => {} })
    const whole = await train(
      make(),
      tinyDataset(42),
      optionsFor({ ...constant, epochs: 5, out: join(folder, 'whole') }),
    )
    // With constant schedules, a run of 3 epochs that is extended to 5 is a run of 5 epochs, bit for bit.
    await train(make(), tinyDataset(42), optionsFor(constant))
    const longer = { ...constant, epochs: 5, resume: true } as const
    await expect(train(make(), tinyDataset(42), optionsFor(longer))).rejects.toThrow('epochs was 3, now 5')
    const extended = await train(make(), tinyDataset(42), optionsFor({ ...longer, extend: true }))
    expect(await values(extended.checkpoint)).toEqual(await values(whole.checkpoint))
    expect(await readRun(join(folder, 'run'))).toMatchObject({
      finished: true,
      settings: { epochs: 5 },
      extensions: [{ step: 15, epochs: 3 }],
    })
    // From then on it resumes as any run of 5 epochs, and cannot become shorter.
    await train(make(), tinyDataset(42), optionsFor(longer))
    await expect(
      train(make(), tinyDataset(42), optionsFor({ ...longer, epochs: 4, extend: true })),
    ).rejects.toThrow('has trained 25 steps already')

    // A cosine of 3 epochs ends near 0; at its middle a cosine of 6 epochs is at half the rate.
    const out = join(folder, 'cosine')
    await train(tinyMethod(), tinyDataset(42), optionsFor({ out }))
    const rates: number[] = []
    const onStep = ({ learningRate }: StepReport) => rates.push(learningRate)
    await train(
      tinyMethod(),
      tinyDataset(42),
      optionsFor({ out, epochs: 6, resume: true, extend: true, onStep }),
    )
    expect(rates).toHaveLength(15)
    expect(rates[0]).toBeCloseTo(0.025, 9)
    expect(rates.at(-1)).toBeLessThan(0.001)
  })

  test.each([
    { phases: false, optimizer: { name: 'sgd', weightDecay: 1e-3 } },
    { phases: true, optimizer: { name: 'adamw', clipNorm: 2 } },
    { phases: false, optimizer: { name: 'lars' } },
  ] as const)('interrupted at any step and resumed ends with the same bits: $optimizer.name', async (set) => {
    const make = () => tinyMethod({ phases: set.phases })
    const settings = { optimizer: set.optimizer, schedule: { name: 'cosine', warmupEpochs: 1 } } as const
    const whole = await train(
      make(),
      tinyDataset(42),
      optionsFor({ ...settings, out: join(folder, 'whole') }),
    )

    for (let resume = false; ; resume = true) {
      const stop = new AbortController()
      let seen = 0
      const onStep = () => {
        if (++seen === 3) stop.abort()
      }
      const result = await train(
        make(),
        tinyDataset(42),
        optionsFor({ ...settings, resume, signal: stop.signal, onStep }),
      )
      if (!result.interrupted) {
        expect(await values(result.checkpoint)).toEqual(await values(whole.checkpoint))
        expect(result.loss).toBe(whole.loss)
        break
      }
    }
    const stepsOf = async (run: string) =>
      (await readFile(join(folder, run, 'metrics.jsonl'), 'utf8'))
        .trim()
        .split('\n')
        .map((line) => ({ ...JSON.parse(line), imagesPerSecond: 0 }))
    expect(await stepsOf('run')).toEqual(await stepsOf('whole'))
  })
})
