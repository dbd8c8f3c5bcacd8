import { spawn } from 'node:child_process'
import { statSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isRunLocked, lockRun } from './run-lock.js'

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'selfsup-lock-'))
  path = join(folder, 'lock.json')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const write = (holder: object) => writeFile(path, JSON.stringify({ token: 'x', ...holder }))

test('allows one holder at a time and leaves no files behind', async () => {
  const lock = await lockRun(folder)
  await expect(lockRun(folder)).rejects.toThrow(`${folder} is in use by another run (process ${process.pid}`)
  await lock.release()
  await (await lockRun(folder)).release()
  expect(await readdir(folder)).toEqual([])
})

test('of concurrent attempts exactly one succeeds, also if it takes over a stale lock', async () => {
  for (let round = 0; round < 10; round++) {
    await write({ pid: 2 ** 22 + 1, host: hostname() })
    const tries = await Promise.allSettled(Array.from({ length: 20 }, () => lockRun(folder)))
    const locks = tries.flatMap((tried) => (tried.status === 'fulfilled' ? [tried.value] : []))
    expect(locks).toHaveLength(1)
    await locks[0]!.release()
  }
})

test('keeps the lock of a live process and takes over that of an ended one', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  await write({ pid: child.pid!, host: hostname() })
  await expect(lockRun(folder)).rejects.toThrow(`process ${child.pid}`)
  child.kill('SIGKILL')
  await new Promise((resolve) => child.once('exit', resolve))
  await (await lockRun(folder)).release()
})

test('does not mistake a later process with the same pid for the holder', async () => {
  await write({ pid: process.ppid, host: hostname(), born: '1' })
  const lock = lockRun(folder)
  await (process.platform === 'linux' ? (await lock).release() : expect(lock).rejects.toThrow('in use'))
})

test('decides by the heartbeat if the holder is on another machine', async () => {
  await write({ pid: 1, host: 'elsewhere' })
  await expect(lockRun(folder)).rejects.toThrow('process 1 on elsewhere')
  const before = new Date(Date.now() - 3_600_000)
  await utimes(path, before, before)
  await (await lockRun(folder)).release()
})

test('updates the heartbeat while the main thread is busy', async () => {
  const lock = await lockRun(folder, { everyMs: 20 })
  const longAgo = new Date(Date.now() - 3_600_000)
  await utimes(path, longAgo, longAgo)
  const busyUntil = Date.now() + 5_000
  while (Date.now() < busyUntil && statSync(path).mtimeMs < Date.now() - 60_000) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
  }
  expect(statSync(path).mtimeMs).toBeGreaterThan(Date.now() - 60_000)
  await lock.release()
})

test('takes over a damaged lock', async () => {
  await writeFile(path, '{"tok')
  const lock = await lockRun(folder)
  expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ pid: process.pid })
  await lock.release()
})

test('isRunLocked is true while the holder lives and its heartbeat is recent', async () => {
  expect(await isRunLocked(folder)).toBe(false)
  const lock = await lockRun(folder)
  expect(await isRunLocked(folder)).toBe(true)
  await lock.release()
  await write({ pid: 2 ** 22 + 1, host: hostname() })
  expect(await isRunLocked(folder)).toBe(false)
  await write({ pid: 1, host: 'elsewhere' })
  expect(await isRunLocked(folder)).toBe(true)
  const before = new Date(Date.now() - 3_600_000)
  await utimes(path, before, before)
  expect(await isRunLocked(folder)).toBe(false)
})
