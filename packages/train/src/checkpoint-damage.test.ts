import { readdirSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SelfsupError } from '@selfsup/core'
import { prepareEngine } from '@selfsup/engine'
import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { expectVariables, newestCheckpoint, readCheckpoint, saveCheckpoint } from './checkpoint.js'
import * as safetensors from './safetensors.js'

beforeAll(() => prepareEngine({ engine: 'cpu' }))
let run: string
beforeEach(async () => {
  run = await mkdtemp(join(tmpdir(), 'selfsup-damage-'))
})
afterEach(() => rm(run, { recursive: true, force: true }))

const variables = new Map<string, tf.Variable>()
beforeAll(() => {
  variables.set('networks/backbone/kernel', tf.variable(tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3])))
  variables.set('optimizer/velocity/kernel', tf.variable(tf.tensor2d([0, 1, 0, 1, 0, 1], [2, 3])))
})
const save = (step: number, last = 1) =>
  saveCheckpoint(
    run,
    variables,
    {
      position: { step, smoothedLoss: 0.5, epochLoss: 2.25, epochSteps: 3 },
      run: { formatVersion: 3, method: 'tiny', options: { temperature: 0.5 } },
    },
    { last, best: false },
  )
const names = () => readdirSync(join(run, 'checkpoints'))

/** A checkpoint as earlier versions wrote it: without the hash of the header, and without a version of its own. */
async function asVersion1(path: string): Promise<Buffer> {
  const whole = await readFile(path)
  const length = Number(whole.readBigUInt64LE())
  const header = JSON.parse(whole.toString('utf8', 8, 8 + length))
  delete header.__metadata__.headerSha256
  delete header.__metadata__.checkpointVersion
  return withHeader(header, whole.subarray(8 + length))
}

function withHeader(header: object, data: Uint8Array): Buffer {
  const text = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  return Buffer.concat([length, text, data])
}

// Every third bit covers each of a byte's eight positions, in every third byte.
test('rejects a checkpoint with any single bit changed', async () => {
  const path = await save(12)
  const whole = await readFile(path)
  for (let bit = 0; bit < 8 * whole.length; bit += 3) {
    const damaged = Buffer.from(whole)
    damaged[bit >> 3]! ^= 1 << (bit & 7)
    await writeFile(path, damaged)
    const read = await readCheckpoint(path).catch((error: unknown) => error)
    expect(read, `bit ${bit}: byte ${damaged[bit >> 3]}`).toBeInstanceOf(SelfsupError)
  }
})

test('in format version 1, no single changed bit yields a different position or different tensors', async () => {
  const path = await save(12)
  await writeFile(path, await asVersion1(path))
  const before = await readCheckpoint(path) // still opens
  expect(before.metadata).not.toHaveProperty('checkpointVersion')
  const whole = await readFile(path)
  const { step, smoothedLoss, epochLoss, epochSteps } = before.metadata
  for (let bit = 0; bit < 8 * whole.length; bit += 3) {
    const damaged = Buffer.from(whole)
    damaged[bit >> 3]! ^= 1 << (bit & 7)
    await writeFile(path, damaged)
    try {
      const read = await readCheckpoint(path)
      expectVariables(path, read, variables)
      expect(read.tensors, `bit ${bit}`).toEqual(before.tensors)
      expect(Number.isFinite(Number(read.metadata.smoothedLoss))).toBe(true)
      // Only a changed digit of a loss is accepted. It affects the log and the choice of the best checkpoint.
      expect(read.metadata.step).toBe(step)
      const changed = [
        read.metadata.smoothedLoss !== smoothedLoss,
        read.metadata.epochLoss !== epochLoss,
        read.metadata.epochSteps !== epochSteps,
      ]
      expect(changed.filter(Boolean).length, `bit ${bit}`).toBeLessThanOrEqual(1)
    } catch (error) {
      expect(error, `bit ${bit}: ${(error as Error).message}`).toBeInstanceOf(SelfsupError)
    }
  }
})

test.each<[string, (metadata: Record<string, string>) => unknown]>([
  ['no hash of the tensors', (metadata) => delete metadata.sha256],
  ['no hash at all', (metadata) => [delete metadata.sha256, delete metadata.headerSha256]],
  ['an unknown version', (metadata) => Object.assign(metadata, { checkpointVersion: '3' })],
])('skips a checkpoint with %s and uses the previous one', async (_, change) => {
  const good = await save(10, 5)
  const path = await save(20, 5)
  const whole = await readFile(path)
  const length = Number(whole.readBigUInt64LE())
  const header = JSON.parse(whole.toString('utf8', 8, 8 + length))
  change(header.__metadata__)
  await writeFile(path, withHeader(header, whole.subarray(8 + length)))
  const warnings: string[] = []
  expect((await newestCheckpoint(run, (message) => warnings.push(message)))?.path).toBe(good)
  expect(warnings).toHaveLength(1)
  expect(warnings[0]).toContain('checkpoint skipped')
})

test('skips a checkpoint of version 1 with a renamed tensor, and throws if no checkpoint matches', async () => {
  const good = await save(10, 5)
  const path = await save(20, 5)
  const damaged = (await asVersion1(path))
    .toString('latin1')
    .replace('networks/backbone', 'networks/backbond')
  await writeFile(path, damaged, 'latin1')
  const fits: Parameters<typeof newestCheckpoint>[2] = (file, content) =>
    expectVariables(file, content, variables)
  expect((await newestCheckpoint(run, undefined, fits))?.path).toBe(good)
  const others = new Map([['networks/other/kernel', [...variables.values()][0]!]])
  const mismatch = newestCheckpoint(run, undefined, (file, content) => expectVariables(file, content, others))
  await expect(mismatch).rejects.toThrow(
    "contains no 'networks/other/kernel': it belongs to a different method or backbone",
  )
  await expect(mismatch).rejects.toMatchObject({ code: 'run-differs' })
})

test('removes no checkpoint if the new one cannot be read back', async () => {
  await save(10)
  const spy = vi.spyOn(safetensors, 'verifySafetensors').mockRejectedValueOnce(new Error('a bit fell over'))
  await expect(save(20)).rejects.toThrow('the written checkpoint could not be read back: a bit fell over')
  spy.mockRestore()
  expect(names()).toEqual(['step-00000010.safetensors'])
  await save(30)
  expect(names()).toEqual(['step-00000030.safetensors'])
})
