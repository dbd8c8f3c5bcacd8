import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** The hardware and system of a machine, as far as they matter for training. */
export interface Machine {
  /** Node's names of platform and architecture: linux-x64 */
  readonly platform: string
  readonly node: string
  readonly processor: string
  /** processors that this process may use */
  readonly cores: number
  /** bytes that this process may use */
  readonly memory: number
  /** NVIDIA GPUs, each as `name, memory` */
  readonly gpus: readonly string[]
}

/** Describes the machine. Runs `nvidia-smi` if it is installed. */
export async function describeMachine(): Promise<Machine> {
  const constrained = process.constrainedMemory?.() ?? 0
  return {
    platform: `${process.platform}-${process.arch}`,
    node: process.version,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableCores(),
    memory: constrained > 0 ? Math.min(constrained, totalmem()) : totalmem(),
    gpus: await nvidiaGpus(),
  }
}

async function nvidiaGpus(): Promise<string[]> {
  try {
    const query = ['--query-gpu=name,memory.total', '--format=csv,noheader']
    const { stdout } = await promisify(execFile)('nvidia-smi', query, { timeout: 5_000 })
    return stdout.trim().split('\n').filter(Boolean)
  } catch {
    return []
  }
}

/**
 * Number of processors that this process may use, at least 1: those that it is bound to, limited by the processor quota of
 * its control group (a container's `--cpus`), which Node 20 ignores.
 * @param root root of the file system, for tests
 */
export function availableCores(root = '/'): number {
  const quota = Math.min(quotaOfVersion2(root), quotaOfVersion1(root))
  return Math.max(1, Math.min(availableParallelism(), Math.ceil(quota)))
}

/** The lowest `cpu.max` from the process's own group up to the root. */
function quotaOfVersion2(root: string): number {
  const own = /^0::(.*)$/m.exec(read(join(root, 'proc/self/cgroup')))?.[1] ?? '/'
  const parts = own.split('/').filter(Boolean)
  let least = Number.POSITIVE_INFINITY
  for (let depth = 0; depth <= parts.length; depth++) {
    const file = join(root, 'sys/fs/cgroup', ...parts.slice(0, depth), 'cpu.max')
    const [quota, period] = read(file).split(/\s+/).map(Number)
    if (quota && period) least = Math.min(least, quota / period)
  }
  return least
}

function quotaOfVersion1(root: string): number {
  const folder = join(root, 'sys/fs/cgroup/cpu')
  const quota = Number(read(join(folder, 'cpu.cfs_quota_us')))
  const period = Number(read(join(folder, 'cpu.cfs_period_us')))
  return quota > 0 && period > 0 ? quota / period : Number.POSITIVE_INFINITY
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
