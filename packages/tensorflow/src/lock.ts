import { mkdir, readFile, rename, stat, unlink, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const BEAT = 2_000
const STALE = 20_000

/**
 * Runs `work` while no other process holds the lock file. A lock whose process is dead, or which has not
 * been touched for 20 seconds, is taken over. It saves double work; that no harm is done where two
 * processes work all the same is up to `work` (own folders, renamed into place at the end).
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

/** Whether a process of this machine runs. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** Renamed first: of two processes that find the same stale lock only one can. */
async function discard(file: string): Promise<void> {
  const aside = `${file}.${process.pid}.stale`
  await rename(file, aside).then(
    () => unlink(aside),
    () => {},
  )
}
