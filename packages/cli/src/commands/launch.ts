import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { SelfsupError } from '@selfsup/core'
import { printable } from '../printable.js'
import { counted } from '../table.js'

/** Commands that several workers can run together. */
const COMMANDS = ['pretrain', 'resume']

/** How long the other workers may take to stop themselves when one has failed. */
const GRACE_MS = 60_000

/** `selfsup launch -n 2 -- pretrain ...`: runs a command in several processes, which train together. @returns exit code */
export async function launch(command: readonly string[], count: number): Promise<number> {
  if (!COMMANDS.includes(command[0]!))
    throw new SelfsupError(`launch: expected ${COMMANDS.join(' or ')} after --; got ${command[0]}`)
  const { availableCores } = await import('@selfsup/engine')
  const cores = availableCores()
  const gpus = gpuCount(process.env)
  if (gpus > 0 && gpus < count)
    throw new SelfsupError(
      `launch: only ${counted(gpus, 'GPU')} for ${count} workers; start at most ${counted(gpus, 'worker')}, or set CUDA_VISIBLE_DEVICES= to use the processors`,
    )
  const ports = await freePorts(count)
  const addresses = ports.map((port) => `127.0.0.1:${port}`).join(',')
  const workers = Array.from({ length: count }, (_, rank) =>
    startWorker(command, rank, {
      SELFSUP_WORKERS: addresses,
      SELFSUP_RANK: String(rank),
      TF_NUM_INTRAOP_THREADS: String(Math.max(1, Math.floor(cores / count))),
      UV_THREADPOOL_SIZE: String(Math.max(2, Math.ceil(cores / count))),
      ...(gpus > 0 && { CUDA_VISIBLE_DEVICES: visibleGpu(process.env, rank) }),
    }),
  )
  return untilAllEnd(workers)
}

function startWorker(command: readonly string[], rank: number, env: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1]!, ...command], {
    env: { ...process.env, ...env },
    // Only worker 0 prints results and progress.
    stdio: ['ignore', rank === 0 ? 'inherit' : 'ignore', rank === 0 ? 'inherit' : 'pipe'],
  })
  if (child.stderr) {
    createInterface({ input: child.stderr }).on('line', (line) =>
      process.stderr.write(`[worker ${rank}] ${printable(line)}\n`),
    )
  }
  return child
}

/**
 * Waits for all workers. When one fails, the others notice it themselves and stop; those that have not after a minute are ended.
 * @returns the exit code of the first worker that failed, otherwise 0
 */
async function untilAllEnd(workers: readonly ChildProcess[]): Promise<number> {
  let failure: number | undefined
  let timer: NodeJS.Timeout | undefined
  // Ctrl-C reaches the workers too, because they are in the same process group. They stop together and save.
  const ignore = () => {}
  const forward = () => {
    for (const worker of workers) worker.kill('SIGTERM')
  }
  process.on('SIGINT', ignore)
  process.on('SIGTERM', forward)
  const endAll = () => {
    for (const worker of workers) if (worker.exitCode === null) worker.kill('SIGKILL')
  }
  process.on('exit', endAll)
  try {
    await Promise.all(
      workers.map(
        (worker, rank) =>
          new Promise<void>((resolve) => {
            worker.on('close', (code, signal) => {
              if (code !== 0 && failure === undefined) {
                failure = code ?? 1
                if (signal) process.stderr.write(`selfsup: worker ${rank} was ended by ${signal}\n`)
                timer = setTimeout(endAll, GRACE_MS)
              }
              resolve()
            })
            worker.on('error', () => resolve())
          }),
      ),
    )
  } finally {
    clearTimeout(timer)
    process.off('SIGINT', ignore)
    process.off('SIGTERM', forward)
    process.off('exit', endAll)
  }
  return failure ?? 0
}

/** Chooses free ports of this machine. All are open at the same time, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
          const server = createServer()
          server.once('error', reject)
          server.listen(0, '127.0.0.1', () => resolve(server))
        }),
    ),
  )
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

const GPUS = '/proc/driver/nvidia/gpus'

/** Number of GPUs that TensorFlow would use. */
function gpuCount({ CUDA_VISIBLE_DEVICES: visible }: NodeJS.ProcessEnv): number {
  if (visible !== undefined) return visible === '' ? 0 : visible.split(',').length
  return existsSync(GPUS) ? readdirSync(GPUS).length : 0
}

function visibleGpu({ CUDA_VISIBLE_DEVICES: visible }: NodeJS.ProcessEnv, rank: number): string {
  return visible === undefined ? String(rank) : visible.split(',')[rank]!
}
