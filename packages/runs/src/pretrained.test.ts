import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { shapes } from '@selfsup/data'
import { prepareEngine } from '@selfsup/engine'
import { extractFeatures } from '@selfsup/evaluation'
import { readRun } from '@selfsup/run-folder'
import { exportBackbone, train } from '@selfsup/train'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { testEngines } from '../../../tooling/vitest/engines.js'
import { temporaryFolder } from '../../../tooling/vitest/temporary-folder.js'
import { disposeMethod, makeMethod, methodOfRun } from './make-method.js'
import { openModel, resultsFolder } from './open-model.js'
import { openRun } from './open-run.js'
import { pretrainedBackbone, pretrainedInput } from './pretrained-backbone.js'
import { scoreOf } from './score.js'
import { openSource } from './source.js'
import { openSubject } from './subject.js'

const models = fileURLToPath(new URL('../../pretrained/src/fixtures/models', import.meta.url))
const expectedFeatures = JSON.parse(readFileSync(join(models, 'expected.json'), 'utf8')) as Record<
  string,
  { sample: number[]; features: Record<string, number[][]> }
>
const [engineName] = testEngines()

describe('pretrained models', () => {
  let engine: Awaited<ReturnType<typeof prepareEngine>>
  let images: string
  beforeAll(async () => {
    engine = await prepareEngine({ engine: engineName })
    images = temporaryFolder()
    await copyFile(join(models, 'sample.png'), join(images, 'sample.png'))
  })

  test.each(['transformers-dinov2', 'transformers-dinov2-registers', 'torchvision-resnet-bottleneck'])(
    'features of an image file equal those of %s with PIL’s resizing',
    async (name) => {
      const model = (await openModel(join(models, name)))!
      const wanted = expectedFeatures[name]!.sample
      // Images of a folder are decoded when they are needed; small ones of the same size are decoded once.
      const dataset = await openSource(images, { channels: 3, size: model.imageShape.size })
      const { normalisation, resampling, imageShape, encode } = model
      const features = await extractFeatures(encode, dataset, {
        normalisation,
        resampling,
        size: imageShape.size,
        engine,
      })
      await dataset.close()
      model.dispose()
      const largest = Math.max(...wanted.map(Math.abs))
      const difference = Math.max(...wanted.map((value, i) => Math.abs(value - features.values[i]!)))
      expect(difference / largest).toBeLessThan(1e-4)
    },
  )

  test('weights of three channels start networks for five and for one, from files and from exported models', async () => {
    const name = join(models, 'torchvision-resnet-bottleneck')
    const kernelOf = async (backbone: string, channels: number) => {
      const model = await pretrainedBackbone(backbone, { size: 32, channels })
      expect(model.inputs[0]!.shape).toEqual([null, 32, 32, channels])
      const kernel = model.getLayer('stem/conv').getWeights()[0]!
      const found = tf.tidy(() => [...tf.transpose(kernel, [3, 0, 1, 2]).dataSync()])
      model.dispose()
      return found
    }
    const exported = join(temporaryFolder(), 'exported')
    const rgb = await pretrainedBackbone(name, { size: 32, channels: 3 })
    await exportBackbone(rgb, exported)
    const own = await kernelOf(name, 3)
    rgb.dispose()
    for (const backbone of [name, exported]) {
      const [five, one] = [await kernelOf(backbone, 5), await kernelOf(backbone, 1)]
      for (const at of [0, 11, 48]) {
        const colours = own.slice(3 * at, 3 * at + 3) as [number, number, number]
        for (let channel = 0; channel < 5; channel++)
          expect(five[5 * at + channel]).toBeCloseTo(0.6 * colours[channel % 3]!, 6)
        expect(one[at]).toBeCloseTo(colours[0] + colours[1] + colours[2], 6)
      }
    }
    const input = pretrainedBackbone(exported, { size: 64, channels: 5 })
    await expect(input).rejects.toThrow('takes images of 32 pixels')
  })

  test('LiDAR of a run is repeatable, and 1 to the number of features', async () => {
    const backbone = join(models, 'torchvision-resnet-bottleneck')
    const { normalisation } = (await pretrainedInput(backbone))!
    const method = await makeMethod({
      method: 'simclr',
      options: { hidden: 16, outputs: 8 },
      imageShape: { size: 32, channels: 3 },
      normalisation,
      backbone,
      seed: 1,
    })
    const before = tf.memory().numTensors
    const score = scoreOf(method, shapes({ size: 32, count: 12 }), engine, { by: 'lidar' })
    const found = await score()
    expect(found).toBeGreaterThan(1)
    expect(found).toBeLessThan(12)
    expect(await score()).toBe(found)
    expect(tf.memory().numTensors).toBe(before)
    disposeMethod(method)
  })

  test('a run starts from the weights, records them, and opens again', async () => {
    const backbone = join(models, 'transformers-dinov2')
    const input = await pretrainedInput(backbone)
    expect(input).toMatchObject({ size: 24, channels: 3, normalisation: { mean: [0.485, 0.456, 0.406] } })
    const spec = {
      method: 'simclr',
      options: { hidden: 16, outputs: 8 },
      imageShape: { size: 24, channels: 3 },
      normalisation: input!.normalisation,
      backbone,
      seed: 1,
    }
    const method = await makeMethod(spec)
    const pretrained = (await openModel(backbone))!
    const before = method.networks.backbone.getWeights().map((weight) => [...weight.dataSync()])
    expect(before).toEqual(pretrained.model.getWeights().map((weight) => [...weight.dataSync()]))
    pretrained.dispose()

    const out = join(temporaryFolder(), 'run')
    const dataset = shapes({ size: 24, count: 16 })
    await train(method, dataset, { out, engine, epochs: 1, batchSize: 8, learningRate: 0.01, seed: 1 })
    disposeMethod(method)
    const config = await readRun(out)
    expect(config.backbone).toMatchObject({
      name: 'vit-tiny',
      options: { width: 16, depth: 2, heads: 2, patchSize: 8, size: 24 },
      pretrained: {
        source: backbone,
        file: 'model.safetensors',
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    })
    const run = await openRun(out)
    const after = run.backbone.getWeights().map((weight) => [...weight.dataSync()])
    expect(after.map(({ length }) => length)).toEqual(before.map(({ length }) => length))
    expect(after).not.toEqual(before)
    run.dispose()

    // The exported backbone of the run is a start as well.
    const exported = join(out, 'backbone')
    expect(await pretrainedInput(exported)).toMatchObject({ size: 24, channels: 3 })
    const next = await makeMethod({ ...spec, backbone: exported })
    expect(next.networks.backbone.getWeights().map((weight) => [...weight.dataSync()])).toEqual(after)
    disposeMethod(next)
    disposeMethod(await (await methodOfRun(config)).make())
  })

  test('evaluation opens a model like a run, also as a start of training', async () => {
    const [folder, before] = [temporaryFolder(), process.cwd()]
    process.chdir(folder) // results go to a folder `runs` in the current one
    const subject = await openSubject({
      run: join(models, 'transformers-dinov2'),
      train: 'shapes',
      test: 'shapes',
      limit: 20,
      engine,
    })
    try {
      expect(subject.folder).toBe(resultsFolder(join(models, 'transformers-dinov2')))
      expect(subject.subject.train.width).toBe(16)
      const starts = subject.subject.images!.starts
      const [start, random] = await Promise.all([starts[0]!.make(), starts[1]!.make()])
      const values = (network: typeof start) =>
        Object.values(network.weights).map((weight) => weight.dataSync()[0])
      expect(values(start)).not.toEqual(values(random))
      start.dispose()
      random.dispose()
    } finally {
      await subject.close()
      process.chdir(before)
    }
    mkdirSync(join(folder, 'empty'))
    writeFileSync(join(folder, 'empty', 'config.json'), '{}')
    expect(await openModel(join(folder, 'empty'))).toBeUndefined()
  })
})
