import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { link, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { SelfsupError } from '@selfsup/core'
import { runPaths } from './paths.js'
import type { RunLock } from './run-lock-type.js'

const heartbeatMs = 15_000
/** A holder on another machine counts as gone if its heartbeat is older than this. */
const staleMs = 120_000

interface Holder {
  readonly token: string
  readonly pid: number
  readonly host: string
  /** start time of the process, in the system's units: distinguishes it from a later process with the same pid */
  readonly born?: string
}

const held = new Set<string>()

/**
 * Makes this process the only one that writes to a run's folder. The lock of a process that no longer exists (killed, machine
 * restarted) is taken over. While the lock is held, a worker thread updates a heartbeat, however long a step blocks the
 * main thread.
 * @throws SelfsupError if a live process holds the lock
 */
export async function lockRun(folder: string, { everyMs = heartbeatMs } = {}): Promise<RunLock> {
  const path = runPaths(folder).lock
  const token = randomUUID()
  const holder: Holder = { token, pid: process.pid, host: hostname(), born: birth(process.pid) }
  held.add(token) // before the file exists: other callers in this process check it
  try {
    for (let attempt = 0; !(await create(path, holder)); attempt++) {
      const other = await read(path)
      const known = other !== 'damaged' && other
      if (attempt > 20 || (known && (await isLive(path, known)))) {
        throw new SelfsupError(
          `${folder} is in use by another run${known ? ` (process ${known.pid} on ${known.host})` : ''}`,
          { code: 'run-locked', fix: 'wait for it to end, or choose another folder', path: folder },
        )
      }
      if (other) await removeStale(path, other)
      await setTimeout(5)
    }
  } catch (error) {
    held.delete(token)
    throw error
  }

  const heart = startHeart(path, everyMs)
  return {
    async release() {
      await heart.terminate()
      held.delete(token)
      const now = await read(path)
      if (now && tokenOf(now) === token) await rm(path, { force: true })
    },
  }
}

export interface WaitOptions {
  readonly signal?: AbortSignal
  /** called once if another process holds the lock */
  readonly onWait?: (problem: SelfsupError) => void
  /** interval between attempts in ms; default 250 */
  readonly everyMs?: number
}

/**
 * Locks a folder as `lockRun` does, but waits for a process that holds the lock.
 * @throws AbortError if the signal is aborted meanwhile
 */
export async function waitForLock(
  folder: string,
  { signal, onWait, everyMs = 250 }: WaitOptions = {},
): Promise<RunLock> {
  for (let attempt = 0; ; attempt++) {
    signal?.throwIfAborted()
    try {
      return await lockRun(folder)
    } catch (error) {
      if (!(error instanceof SelfsupError && error.code === 'run-locked')) throw error
      if (attempt === 0) onWait?.(error)
    }
    await setTimeout(everyMs, undefined, { signal })
  }
}

/**
 * Whether a live process trains in a run's folder, for programs that only read it. A lock with an old heartbeat does not
 * count, nor does the lock of a process on this machine that no longer exists.
 */
export async function isRunLocked(folder: string): Promise<boolean> {
  const path = runPaths(folder).lock
  const facts = await stat(path).catch(() => undefined)
  if (!facts || Date.now() - facts.mtimeMs >= staleMs) return false
  const holder = await read(path)
  if (holder === undefined) return false
  return holder === 'damaged' || isLive(path, holder)
}

/** Touches the file regularly from a worker thread: a native step of minutes blocks all timers of the main thread. */
function startHeart(path: string, everyMs: number): Worker {
  const beat = `
    const { utimesSync } = require('node:fs')
    const { path, everyMs } = require('node:worker_threads').workerData
    setInterval(() => {
      try {
        utimesSync(path, new Date(), new Date())
      } catch {} // the file was removed, or the disk is temporarily unavailable
    }, everyMs)`
  const heart = new Worker(beat, { eval: true, workerData: { path, everyMs }, execArgv: [] })
  heart.on('error', () => {}) // without a heartbeat, the lock still works on this machine
  heart.unref()
  return heart
}

/** Creates the lock together with its content, so that it is never seen empty. @returns false if a lock exists */
async function create(path: string, holder: Holder): Promise<boolean> {
  const draft = `${path}.${holder.token}`
  const text = JSON.stringify(holder)
  try {
    await writeFile(draft, text)
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') throw error
      return writeFile(path, text, { flag: 'wx' }) // a file system without hard links
    })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    await rm(draft, { force: true })
  }
}

/** The holder of the lock; undefined if there is no lock. */
async function read(path: string): Promise<Holder | 'damaged' | undefined> {
  try {
    const holder: Holder = JSON.parse(await readFile(path, 'utf8'))
    return /^[\w-]+$/.test(holder.token) ? holder : 'damaged'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : 'damaged'
  }
}

const tokenOf = (holder: Holder | 'damaged'): string => (holder === 'damaged' ? holder : holder.token)

async function isLive(path: string, { token, pid, host, born }: Holder): Promise<boolean> {
  if (host !== hostname()) {
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: 0 }))
    return Date.now() - mtimeMs < staleMs
  }
  if (pid === process.pid) return held.has(token)
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  return born === undefined || born === birth(pid)
}

/**
 * Removes a stale lock, but never a newer one: of the processes that found it stale, one at a time checks that it is still
 * the same lock and removes it.
 */
async function removeStale(path: string, stale: Holder | 'damaged'): Promise<void> {
  const guard = `${path}.${tokenOf(stale)}.stale`
  try {
    await writeFile(guard, '', { flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    const { mtimeMs } = await stat(guard).catch(() => ({ mtimeMs: Date.now() }))
    if (Date.now() - mtimeMs > staleMs) await rm(guard, { force: true }) // its process was killed
    return
  }
  try {
    const now = await read(path)
    if (now && tokenOf(now) === tokenOf(stale)) await rm(path, { force: true })
  } finally {
    await rm(guard, { force: true })
  }
}

function birth(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined // no /proc: only the pid identifies the process
  }
}
