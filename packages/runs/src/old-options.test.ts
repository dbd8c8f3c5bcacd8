import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Method,
  migrateOptions,
  type OptionValue,
  resolveOptions,
  trainableWeights,
} from '@selfsup/core'
import { shapes } from '@selfsup/data'
import { prepareEngine } from '@selfsup/engine'
import { readRun } from '@selfsup/run-folder'
import { train } from '@selfsup/train'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
// The default options that each method stored for colour images of 32 pixels when 0 and -1 still meant 'auto'.
import stored from './fixtures/options-with-sentinels.json' with { type: 'json' }
import { disposeMethod, type MethodSpec, makeMethod, methodOfRun } from './make-method.js'
import { findMethod } from './registry.js'
import { storedOptions } from './stored-options.js'

type Stored = Record<string, OptionValue>
const options = stored as Record<string, Stored>

async function migrated(method: string, given: Stored, size = 32, channels = 3): Promise<Stored> {
  const definition = await findMethod(method)
  return resolveOptions(definition, migrateOptions(definition, given, { size, channels }))
}

/** Defaults that were different then. */
const formerDefaults: Readonly<Record<string, Stored>> = {
  simclr: { temperature: 0.5, minScale: 0.08 },
  byol: { momentum: 0.996 },
  moco: { momentum: 0.999, temperature: 0.2 },
}

describe('options stored when 0 and -1 meant auto', () => {
  test.each(Object.keys(options))(
    '%s: earlier defaults become today’s, or keep their values',
    async (method) => {
      const defaults = resolveOptions(await findMethod(method)) as Stored
      expect(await migrated(method, options[method]!)).toEqual({ ...defaults, ...formerDefaults[method] })
    },
  )

  // Earlier versions did not blur grey views, except half of the views of Barlow Twins and VICReg.
  test.each([
    ['simclr', { blur: 0 }],
    ['simsiam', { blur: 0 }],
    ['moco', { blur: 0, blur2: 0 }],
    ['byol', { blur: 0, blur2: 0 }],
    ['barlow-twins', { blur: 0.5, blur2: 0.5 }],
    ['vicreg', { blur: 'auto' }],
  ])('%s: grey images of 96 pixels', async (method, wanted) => {
    expect(await migrated(method, options[method]!, 96, 1)).toMatchObject(wanted)
    expect(await migrated(method, { ...options[method]!, views: 'gray' }, 96, 3)).toMatchObject(wanted)
  })

  test.each<[string, Stored, number, Stored]>([
    ['simclr', { minScale: 'auto' }, 64, { minScale: 0.08 }],
    ['simclr', { minScale: 'auto' }, 65, { minScale: 'auto' }],
    ['simclr', { minScale: 0.5 }, 32, { minScale: 0.5 }],
    ['simclr', { minScale: 'auto', views: 'gray' }, 32, { minScale: 'auto' }],
    ['simclr', { minScale: 'auto', grayscale: 0.2 }, 32, { minScale: 'auto' }], // of this version
    ['byol', { minScale: 'auto' }, 32, { minScale: 'auto' }],
    ['moco', {}, 96, { momentum: 'auto', temperature: 'auto' }],
    ['moco', { momentum: 0, temperature: 1 }, 32, { momentum: 0, temperature: 1 }],
    ['moco', { version: 'v1' }, 32, { momentum: 0.999, temperature: 'auto' }],
    ['moco', { version: 'v3' }, 32, { momentum: 'auto', temperature: 'auto' }],
    ['moco', { grayscale: 0.2 }, 32, { momentum: 'auto', temperature: 'auto' }], // of this version
    ['byol', { blur1: 0.5 }, 96, { blur: 0.5, blur2: 0.1 }],
    ['byol', { blur1: 0.5 }, 32, { blur: 0.5, blur2: 0 }],
    ['byol', { blur2: 0.3 }, 96, { blur: 'auto', blur2: 0.3 }],
    ['byol', { solarise1: 0.4 }, 96, { solarise: 0.4, solarise2: 0.2 }],
    ['moco', { version: 'v3', blur: 0.5 }, 96, { blur: 0.5, blur2: 'auto' }],
    ['barlow-twins', { blur: 'yes' }, 32, { blur: 1, blur2: 'auto' }],
    ['barlow-twins', { blur: 'no' }, 96, { blur: 0, blur2: 'auto' }],
    ['barlow-twins', { blur: 'yes', views: 'simclr' }, 32, { blur: 0.5, blur2: 0.5 }],
    ['vicreg', { blur: 'yes' }, 32, { blur: 0.5 }],
    ['rotation', { mirror: 'yes' }, 32, { flip: 0.5 }],
    ['iic', { jitter: 0.3, crop: 0 }, 32, { brightness: 0.3, crop: 'auto' }],
    ['relative-patch', { jitter: 0, gap: 0 }, 32, { displacement: 0, gap: 0 }],
    ['metric-learning', { outputs: 0, copies: 3 }, 32, { outputs: 0, copies: 3 }],
  ])('%s with %j, in colour, of %i pixels', async (method, given, size, wanted) => {
    expect(await migrated(method, { ...options[method]!, ...given }, size)).toMatchObject(wanted)
  })
})

describe('a run with earlier options resumes bit for bit', () => {
  let out: string
  beforeEach(async () => {
    out = await mkdtemp(join(tmpdir(), 'selfsup-old-run-'))
  })
  afterEach(() => rm(out, { recursive: true }))

  test.each<[string, Stored, readonly string[]]>([
    ['simclr', {}, []],
    ['byol', { outputs: 8 }, []],
    ['iic', { subHeads: 1, repeats: 2 }, ['hidden', 'temperature']], // from before these two options
  ])('%s %j, without %j', async (name, given, missing) => {
    const before: Stored = { ...options[name]!, ...given }
    for (const option of missing) delete before[option]
    const config = {
      method: name,
      options: storedOptions(await findMethod(name), before, { size: 16, channels: 3 }),
      imageShape: { size: 16, channels: 3 },
      backbone: 'convnet',
      seed: 5,
    } satisfies MethodSpec
    const engine = await prepareEngine()
    const dataset = shapes({ size: 16, count: 24 })
    const settings = {
      engine,
      epochs: 1,
      batchSize: 8,
      learningRate: 0.05,
      seed: 5,
      optimizer: { name: 'sgd', momentum: 0.9 },
    } as const

    const whole = await makeMethod(config)
    await train(whole, dataset, { ...settings, out: join(out, 'whole') })
    const wanted = await weightsOf(whole)

    const folder = join(out, 'stopped')
    const stop = new AbortController()
    const first = await makeMethod(config)
    await train(first, dataset, {
      ...settings,
      out: folder,
      signal: stop.signal,
      onStep: () => stop.abort(),
    })
    await rewrite(folder, before)

    const run = await readRun(folder)
    expect(run).toMatchObject({ finished: false, options: before })
    expect(run.step).toBeGreaterThan(0)
    const second = await (await methodOfRun(run)).make()
    await train(second, dataset, { ...settings, out: folder, resume: true })
    expect(await weightsOf(second)).toEqual(wanted)
    for (const method of [whole, first, second]) disposeMethod(method)
    await dataset.close()
  })
})

/** Writes config.json with the options as the earlier version stored them. */
async function rewrite(folder: string, options: Stored): Promise<void> {
  const path = join(folder, 'config.json')
  const description = JSON.parse(await readFile(path, 'utf8'))
  await writeFile(path, JSON.stringify({ ...description, options }))
}

async function weightsOf({ networks }: Method): Promise<Record<string, number[]>> {
  const weights = Object.entries(trainableWeights(networks))
  return Object.fromEntries(
    await Promise.all(weights.map(async ([name, w]) => [name, [...(await w.data())]])),
  )
}
