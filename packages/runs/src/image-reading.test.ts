import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { earlierReading, uniforms } from '@selfsup/core'
import { type Engine, prepareEngine } from '@selfsup/engine'
import { train } from '@selfsup/train'
import { beforeAll, expect, test } from 'vitest'
import { temporaryFolder } from '../../../tooling/vitest/temporary-folder.js'
import { madeTiff } from '../../data/src/made-tiff.js'
import {
  disposeMethod,
  fileImageShape,
  makeMethod,
  normalisationFor,
  openExportedModel,
  openImagesOfRun,
  openRun,
  openSource,
  openSubject,
  overrideReading,
} from './index.js'

let engine: Engine
beforeAll(async () => {
  engine = await prepareEngine({ engine: 'wasm' })
})

/** 16-bit images of 5 bands, in two classes. */
async function writeBands(folder: string, seed: number): Promise<void> {
  for (const [label, name] of ['low', 'high'].entries()) {
    await mkdir(join(folder, name), { recursive: true })
    for (let i = 0; i < 4; i++) {
      const values = Uint16Array.from(
        uniforms([seed, i + 9 * label], 8 * 8 * 5),
        (u, k) => 100 * (k % 5) + u * 3000,
      )
      await writeFile(join(folder, name, `${i}.tif`), madeTiff(values, [8, 8, 5]))
    }
  }
}

test('a run on 16-bit images of 5 bands records how they were read, and every later step reads them in the same way', async () => {
  const folder = temporaryFolder()
  await writeBands(join(folder, 'train'), 1)
  await writeBands(join(folder, 'test'), 2)
  process.env.SELFSUP_CACHE ??= join(folder, 'cache')
  const dataset = await openSource(join(folder, 'train'), { reading: { bands: 'all' } })
  const { channels } = dataset
  expect(channels).toBe(5)
  const normalisation = await normalisationFor(dataset)
  // Values are uniform within a range that spans nearly 0 to 255.
  for (const mean of normalisation.mean) expect(mean).toBeCloseTo(0.5, 1)
  for (const std of normalisation.std) expect(Math.abs(std - Math.sqrt(1 / 12))).toBeLessThan(0.03)
  const method = await makeMethod({
    method: 'simclr',
    options: {},
    imageShape: { size: 8, channels },
    normalisation,
    backbone: 'convnet',
    seed: 1,
  })
  const out = join(folder, 'run')
  await train(method, dataset, { engine, out, epochs: 1, batchSize: 4, learningRate: 0.1, seed: 1 })
  disposeMethod(method)

  const run = await openRun(out)
  expect(run.reading).toEqual(dataset.reading)
  expect(run.imageShape).toEqual({ size: 8, channels: 5 })
  run.dispose()
  const again = await openImagesOfRun(run.config)
  expect(again.fingerprint).toBe(dataset.fingerprint)
  const model = await openExportedModel(join(out, 'backbone'))
  expect(model.reading).toEqual(dataset.reading)
  model.dispose()

  const subject = await openSubject({
    run: out,
    train: join(folder, 'train'),
    test: join(folder, 'test'),
    engine,
  })
  expect(subject.datasets.map((opened) => [opened.channels, opened.reading])).toEqual([
    [5, dataset.reading],
    [5, dataset.reading],
  ])
  expect(subject.subject.test.count).toBe(8)
  await subject.close()
  const { reading } = JSON.parse(await readFile(join(out, 'config.json'), 'utf8')).dataset
  expect(reading).toEqual(dataset.reading)
})

test('the reading of networks: as before if it is not known, and as many bands as there are channels', () => {
  expect(fileImageShape({ imageShape: { size: 8, channels: 3 } }).reading).toBe(earlierReading)
  const five = fileImageShape({ imageShape: { size: 8, channels: 5 } }).reading
  expect([five.bands, five.former]).toEqual([[0, 1, 2, 3, 4], undefined])
  expect(overrideReading(earlierReading, {})).toBe(earlierReading)
  expect(overrideReading(earlierReading, { page: 2 })).toMatchObject({ page: 2, former: undefined })
})
