import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { beforeAll, expect, test } from 'vitest'
import { temporaryFolder } from '../../../tooling/vitest/temporary-folder.js'
import { newestCheckpoint, readCheckpoint, saveCheckpoint } from './checkpoint.js'

beforeAll(() => prepareEngine({ engine: 'cpu' }))

const position = (step: number) => ({ step, smoothedLoss: step / 1000, epochLoss: 0, epochSteps: 0 })
const keep = { last: 1, best: true }

test('saving removes a damaged checkpoint of a later step', async () => {
  const run = temporaryFolder()
  const variables = new Map([['networks/w', tf.variable(tf.scalar(1))]])
  const save = (step: number) =>
    saveCheckpoint(run, variables, { position: position(step), run: {} } as never, keep)
  const good = await save(100)
  const damaged = good.replace('100', '200')
  writeFileSync(damaged, 'torn')
  const warnings: string[] = []
  expect((await newestCheckpoint(run, (message) => warnings.push(message)))?.path).toBe(good)
  expect(warnings).toHaveLength(1)
  const written = await save(110)
  expect(readdirSync(join(run, 'checkpoints')).sort()).toEqual(
    [good, written].map((path) => path.split('/').at(-1)).sort(),
  )
  expect((await newestCheckpoint(run))?.path).toBe(written)
})

test('the format version of config.json does not replace that of the checkpoint', async () => {
  const run = temporaryFolder()
  const variables = new Map([['networks/w', tf.variable(tf.scalar(1))]])
  const path = await saveCheckpoint(
    run,
    variables,
    { position: position(1), run: { formatVersion: 9 } },
    keep,
  )
  expect((await readCheckpoint(path)).metadata).toMatchObject({
    format: 'selfsup',
    formatVersion: '9',
    checkpointVersion: '2',
  })
})
