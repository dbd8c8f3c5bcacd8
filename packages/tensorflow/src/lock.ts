import { mkdir, readFile, rename, stat, unlink, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const BEAT = 2_000
const STALE = 20_000

/**
 * Runs `work` while holding the lock file. Takes over a lock whose process is dead, or that was not touched for 20
 * seconds. The lock only avoids duplicate work: `work` must be safe even if two processes run it at once (use separate
 * folders and rename them into place at the end).
 * @param onWait called once if another process holds the lock
 */
export async function withLock<T>(file: string, work: () => Promise<T>, onWait?: () => void): Promise<T> {
  await mkdir(dirname(file), { recursive: true })
  let waited = false
  while (!(await take(file))) {
    if (await isStale(file)) {
      await discard(file)
      continue
    }
    if (!waited) onWait?.()
    waited = true
    await sleep(250)
  }
  const beat = setInterval(() => {
    const now = new Date()
    utimes(file, now, now).catch(() => {})
  }, BEAT)
  try {
    return await work()
  } finally {
    clearInterval(beat)
    await unlink(file).catch(() => {})
  }
}

async function take(file: string): Promise<boolean> {
  try {
    await writeFile(file, `${process.pid} ${hostname()}`, { flag: 'wx' })
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

async function isStale(file: string): Promise<boolean> {
  try {
    const [pid = '', host = ''] = (await readFile(file, 'utf8')).split(' ')
    if (host === hostname() && !isAlive(Number(pid))) return true
    return Date.now() - (await stat(file)).mtimeMs > STALE
  } catch {
    return false // gone in the meantime
  }
}

/** Whether a process is running on this machine. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** Renames the lock before removing it: if two processes find the same stale lock, only one rename succeeds. */
async function discard(file: string): Promise<void> {
  const aside = `${file}.${process.pid}.stale`
  await rename(file, aside).then(
    () => unlink(aside),
    () => {},
  )
}
