import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { afterAll, expect, test } from 'vitest'
import { temporaryFolder } from '../../../tooling/vitest/temporary-folder.js'
import { missingWebgpu } from '../../../tooling/vitest/webgpu.js'
import { tinyDataset, tinyMethod, tinyOptions } from './fixtures/tiny.js'
import { train } from './index.js'

const missing = await missingWebgpu()

// The variables of a lost device can move to no other engine of this process.
afterAll(() => tf.disposeVariables())

test.skipIf(missing)(missing ?? 'a run whose WebGPU device is lost resumes from its checkpoint', async () => {
  const folder = temporaryFolder()
  const run = async (out: string, loseAt?: number, resume = false) => {
    const engine = await prepareEngine({ engine: 'webgpu' })
    return train(tinyMethod({}), tinyDataset(42), {
      ...tinyOptions,
      out: join(folder, out),
      engine,
      resume,
      checkpointEvery: 2,
      onStep: ({ step }) => {
        if (step === loseAt) (tf.backend() as unknown as { device: GPUDevice }).device.destroy()
      },
    })
  }
  const whole = await run('whole')
  await expect(run('lost', 5)).rejects.toMatchObject({ code: 'device-lost' })
  const resumed = await run('lost', undefined, true)
  expect(resumed.step).toBe(whole.step)
  expect(resumed.loss).toBe(whole.loss)
  await rm(folder, { recursive: true, force: true })
})
