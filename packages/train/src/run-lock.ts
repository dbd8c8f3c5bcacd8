import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { link, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { SelfsupError } from '@selfsup/core'

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
  const path = join(folder, 'lock.json')
  const token = randomUUID()
  const holder: Holder = { token, pid: process.pid, host: hostname(), born: birth(process.pid) }
  for (let attempt = 0; !(await create(path, holder)); attempt++) {
    const other = await read(path)
    if (attempt > 20 || (other !== undefined && (await isLive(path, other)))) {
      throw new SelfsupError(
        `${folder} is in use by another run${other ? ` (process ${other.pid} on ${other.host})` : ''}: wait for it to end, or choose another folder`,
      )
    }
    await setAside(path, other?.token)
    await setTimeout(5)
  }
  held.add(token)

  const heart = startHeart(path, everyMs)
  return {
    async release() {
      await heart.terminate()
      held.delete(token)
      if ((await read(path))?.token === token) await rm(path, { force: true })
    },
  }
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

async function read(path: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch {
    return undefined // gone or damaged
  }
}

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

/** Moves a stale lock away; when two processes do so at once, the one that moved a fresh lock puts it back. */
async function setAside(path: string, stale: string | undefined): Promise<void> {
  const aside = `${path}.${randomUUID()}`
  try {
    await rename(path, aside)
    const moved = await read(aside)
    if (moved !== undefined && moved.token !== stale) await rename(aside, path)
    else await rm(aside, { force: true })
  } catch {
    // another process was faster
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
