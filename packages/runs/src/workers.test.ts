import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findTensorflow } from '@selfsup/tensorflow'
import { readSafetensors } from '@selfsup/train'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bundleSources } from '../../../tooling/vitest/bundle-sources.js'
import type { WorkerJob, WorkerRun } from './fixtures/worker.js'

const script = fileURLToPath(
  new URL(`../node_modules/.workers-test/worker-${process.pid}.mjs`, import.meta.url),
)
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selfsup-workers-'))
  await mkdir(join(script, '..'), { recursive: true })
  await bundleSources(fileURLToPath(new URL('fixtures/worker.ts', import.meta.url)), script)
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await rm(script, { force: true })
})

interface Line {
  readonly step: number
  readonly loss: number
  /** operation and type, such as `CollectiveReduceV2 float32` */
  readonly exchanged: readonly string[]
  /** addresses of this machine at which worker 1 can be reached */
  readonly listens: readonly string[]
  readonly error?: string
}

function worker(job: WorkerJob): Promise<Line[]> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [script, JSON.stringify(job)], (error, stdout, stderr) => {
      if (error && error.signal !== 'SIGKILL') reject(new Error(`${error.message}\n${stderr}`))
      else
        resolve(
          stdout
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line)),
        )
    })
  })
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

const small = { size: 8, images: 21, steps: 6 }
/** A batch of 7 is divided into 4 and 3 images. The queue of MoCo is filled by both workers. */
const methods = [
  { method: 'simclr', options: { outputs: 8 }, batchSize: 7 },
  { method: 'moco', options: { outputs: 8, queue: 16, batchGroups: 2 }, batchSize: 16 },
  { method: 'byol', options: { outputs: 8 }, batchSize: 7 },
  { method: 'vicreg', options: { outputs: 8 }, batchSize: 7, learningRate: 0.0005 },
] as const
const runsIn = (place: string, extra: Partial<WorkerRun> = {}): WorkerRun[] =>
  methods.map((run) => ({ ...small, ...run, out: join(folder, place, run.method), ...extra }))

async function checkpoint(out: string, which: 'first' | 'last') {
  const files = (await readdir(join(out, 'checkpoints'))).sort()
  const { tensors } = await readSafetensors(join(out, 'checkpoints', files.at(which === 'last' ? -1 : 0)!))
  return Object.entries(tensors)
    .filter(([name]) => /^(networks|parameters|state)\//.test(name))
    .flatMap(([, { values }]) => Array.from(values))
}

/** Distance of the weights of two runs, as a part of the way that they went in training. */
async function distance(one: string, other: string): Promise<number> {
  const [start, a, b] = [
    await checkpoint(one, 'first'),
    await checkpoint(one, 'last'),
    await checkpoint(other, 'last'),
  ]
  expect(b).toHaveLength(a.length)
  const length = (of: (i: number) => number) => Math.sqrt(a.reduce((sum, _, i) => sum + of(i) ** 2, 0))
  return length((i) => a[i]! - b[i]!) / length((i) => a[i]! - start[i]!)
}

describe.skipIf(!findTensorflow())('two workers', () => {
  test('train the same weights as one, and stop and resume together', async () => {
    const addresses = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`]
    const simclr = { ...small, ...methods[0], out: join(folder, 'stopped') }
    const mixed = { ...small, ...methods[0], mixed: true }
    const runs: WorkerRun[] = [
      ...runsIn('two'),
      { ...mixed, out: join(folder, 'two', 'mixed') },
      { ...simclr, stopAt: 1 },
      { ...simclr, out: join(folder, 'killed'), checkpointEvery: 1, dieAt: 3 },
    ]
    const others = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`]
    const different = (rank: number) =>
      worker({ addresses: others, rank, runs: [{ ...simclr, out: join(folder, 'different'), seed: rank }] })
    const [alone, first, second, ...refused] = await Promise.all([
      worker({ runs: [...runsIn('one'), { ...mixed, out: join(folder, 'one', 'mixed') }] }),
      worker({ addresses, rank: 0, runs: runs.map(({ dieAt, ...run }) => run) }),
      // Only one of them is asked to stop, and only the other is killed.
      worker({ addresses, rank: 1, runs: runs.map(({ stopAt, ...run }) => run) }),
      different(0),
      different(1),
    ])
    for (const [i, { method }] of methods.entries()) {
      expect(first[i]!.error ?? second[i]!.error ?? alone[i]!.error).toBeUndefined()
      expect(second[i]!.loss, method).toBe(first[i]!.loss)
      expect(first[i]!.loss, method).toBeCloseTo(alone[i]!.loss, 3)
      // One rounded value on the other side of a ReLU's kink is worth about a thousandth.
      const apart = await distance(join(folder, 'one', method), join(folder, 'two', method))
      expect(apart, method).toBeLessThan(0.01)
    }
    if (process.platform === 'linux') expect(second[0]!.listens).toEqual(['127.0.0.1'])

    // In mixed precision the gradients are added up in float32, and the workers go where one goes.
    const inMixed = first[methods.length]!
    expect(inMixed.error).toBeUndefined()
    expect(second[methods.length]!.loss).toBe(inMixed.loss)
    expect(inMixed.loss).not.toBe(first[0]!.loss) // or it was not in mixed precision
    expect(inMixed.exchanged).toContain('CollectiveReduceV2 float32')
    expect(inMixed.exchanged.filter((name) => /bfloat16/.test(name))).toEqual([])
    expect(await distance(join(folder, 'one', 'mixed'), join(folder, 'two', 'mixed'))).toBeLessThan(0.1)

    const [stopped, other] = [first.at(-2)!, second.at(-1)!]
    expect(stopped.step).toBeLessThan(small.steps)
    expect(other.step).toBe(stopped.step)

    // Worker 1 was killed in the last run; worker 0 names it and has saved.
    expect(first.at(-1)!.error).toMatch(/worker 1 \(127\.0\.0\.1:\d+\) stopped or does not answer/)
    const saved = await readdir(join(folder, 'killed', 'checkpoints'))
    expect(saved.sort().at(-1)).toMatch(/^step-0000000[1-9]/)
    for (const [line] of refused)
      expect(line!.error).toMatch(/worker 1 \S+ does not train the same run as worker 0 \S+ the seed differs/)

    const [resumed] = await worker({ runs: [{ ...simclr, resume: true }] })
    expect(resumed).toMatchObject({ step: small.steps })
    expect(await distance(join(folder, 'one', 'simclr'), simclr.out)).toBeLessThan(0.01)
  }, 400_000)
})
