import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { link, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { SelfsupError } from '@selfsup/core'
import { runPaths } from './paths.js'

const heartbeatMs = 15_000
/** A holder elsewhere that has not shown itself for so long is gone. */
const staleMs = 120_000

interface Holder {
  readonly token: string
  readonly pid: number
  readonly host: string
  /** when the process started, in the system's own count: tells it from a later one of the same pid */
  readonly born?: string
}

export interface RunLock {
  release(): Promise<void>
}

const held = new Set<string>()

/**
 * Makes this process the only one that writes to a run's folder. A lock left behind by a process that
 * is gone (killed, machine restarted) is taken over. While it is held, a thread of its own shows that the process lives,
 * however long a step keeps this one busy.
 * @throws SelfsupError when a live process holds it
 */
export async function lockRun(folder: string, { everyMs = heartbeatMs } = {}): Promise<RunLock> {
  const path = runPaths(folder).lock
  const token = randomUUID()
  const holder: Holder = { token, pid: process.pid, host: hostname(), born: birth(process.pid) }
  held.add(token) // from the moment that the file can be seen, for others in this process
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

/**
 * Whether a live process trains in a run's folder, for programs that look on. A lock whose heart has stopped does not count,
 * nor does that of a process of this machine that is gone.
 */
export async function isRunLocked(folder: string): Promise<boolean> {
  const path = runPaths(folder).lock
  const facts = await stat(path).catch(() => undefined)
  if (!facts || Date.now() - facts.mtimeMs >= staleMs) return false
  const holder = await read(path)
  if (holder === undefined) return false
  return holder === 'damaged' || isLive(path, holder)
}

/** Touches the file now and then from a thread of its own: a native step that takes minutes keeps every timer of this one waiting. */
function startHeart(path: string, everyMs: number): Worker {
  const beat = `
    const { utimesSync } = require('node:fs')
    const { path, everyMs } = require('node:worker_threads').workerData
    setInterval(() => {
      try {
        utimesSync(path, new Date(), new Date())
      } catch {} // gone, or a disk that is away for a while
    }, everyMs)`
  const heart = new Worker(beat, { eval: true, workerData: { path, everyMs }, execArgv: [] })
  heart.on('error', () => {}) // the lock still stands for all on this machine
  heart.unref()
  return heart
}

/** Makes the lock with its content in one go: nobody sees it empty. False when there is one already. */
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

/** Who holds the lock; undefined where there is none. */
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
 * Removes a stale lock, and no other: of those who found it stale, one at a time looks whether it is still that one, and none
 * but they remove it.
 */
async function removeStale(path: string, stale: Holder | 'damaged'): Promise<void> {
  const guard = `${path}.${tokenOf(stale)}.stale`
  try {
    await writeFile(guard, '', { flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    const { mtimeMs } = await stat(guard).catch(() => ({ mtimeMs: Date.now() }))
    if (Date.now() - mtimeMs > staleMs) await rm(guard, { force: true }) // of one who was killed at it
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
    return undefined // no /proc: pid alone has to do
  }
}
