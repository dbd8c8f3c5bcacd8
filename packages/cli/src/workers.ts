import { SelfsupError } from '@selfsup/core'
import type { Engine, WorkerOptions } from '@selfsup/engine'
import { Option } from 'commander'
import { type ProgressView, progressView } from './progress.js'

/** Flags of the commands that several workers can run together. */
export interface WorkerFlags {
  /** `host:port` of each worker, separated by commas */
  readonly workers?: string
  readonly rank?: number
  /** seconds to wait for the other workers at the start */
  readonly workersTimeout?: number
  /** false: each worker normalises with the statistics of its part of the batch */
  readonly syncBatchNorm?: boolean
}

/** The options that `WorkerFlags` describes. */
export function workerFlags(): Option[] {
  const whole = (text: string) => {
    const value = Number(text)
    if (!Number.isInteger(value) || value < 0)
      throw new SelfsupError(`expected a whole number of at least 0; got '${text}'`)
    return value
  }
  return [
    new Option(
      '--workers <addresses>',
      'train with several workers: host:port of each, separated by commas, the same for all (default: $TF_CONFIG)',
    ),
    new Option(
      '--rank <n>',
      'number of this worker in --workers, from 0 (default: $JOB_COMPLETION_INDEX)',
    ).argParser(whole),
    new Option(
      '--workers-timeout <seconds>',
      'how long to wait for the other workers at the start (default: 60)',
    ).argParser(whole),
    new Option(
      '--no-sync-batch-norm',
      'with several workers: normalise with the statistics of each worker’s part of the batch',
    ),
  ]
}

/**
 * Which worker this process is: by its flags, by the variables that `selfsup launch` sets, or by TF_CONFIG.
 * @returns undefined if it is alone
 * @throws SelfsupError if only one of the flags is given, or TF_CONFIG is not valid
 */
export function workersFrom(
  { workers, rank }: WorkerFlags,
  env: NodeJS.ProcessEnv = process.env,
): WorkerOptions | undefined {
  const list = workers ?? env.SELFSUP_WORKERS
  if (list === undefined) {
    if (rank !== undefined) throw new SelfsupError('--rank needs --workers: the addresses of all workers')
    return env.TF_CONFIG ? fromTfConfig(env.TF_CONFIG) : undefined
  }
  const place = rank ?? env.SELFSUP_RANK ?? env.JOB_COMPLETION_INDEX
  if (place === undefined || place === '')
    throw new SelfsupError('--workers needs --rank: the number of this worker in the list, from 0')
  return { addresses: list.split(',').map((address) => address.trim()), rank: Number(place) }
}

/** Reads TensorFlow's description of a cluster, as Kubeflow sets it: `chief` is the first worker. */
function fromTfConfig(text: string): WorkerOptions | undefined {
  const problem = (what: string) =>
    new SelfsupError(`TF_CONFIG ${what}`, {
      fix: 'set it to {"cluster":{"worker":["host:port",...]},"task":{"type":"worker","index":0}}, or unset it',
    })
  let config: {
    readonly cluster?: Readonly<Record<string, unknown>>
    readonly task?: { readonly type?: unknown; readonly index?: unknown }
  }
  try {
    config = JSON.parse(text)
  } catch {
    throw problem('is not valid JSON')
  }
  const { cluster, task = {} } = config ?? {}
  if (!cluster) return undefined // TensorFlow, too, takes this as a single process
  const jobs = ['chief', 'master', 'worker'].map((type) => ({ type, addresses: cluster[type] ?? [] }))
  const addresses: string[] = []
  let rank: number | undefined
  for (const { type, addresses: some } of jobs) {
    if (!Array.isArray(some) || some.some((address) => typeof address !== 'string'))
      throw problem(`has no list of addresses as cluster.${type}`)
    if (task.type === type) rank = addresses.length + Number(task.index)
    addresses.push(...some)
  }
  if (addresses.length === 0) throw problem('names no worker')
  if (rank === undefined)
    throw problem(`must have task.type chief, master or worker; got ${JSON.stringify(task.type)}`)
  return { addresses, rank }
}

/** The progress of worker 0; of the others only warnings, which `selfsup launch` prefixes with their numbers. */
export function viewOf(workers: WorkerOptions | undefined, json: boolean): ProgressView {
  const view = progressView(process.stderr, { json })
  if (!workers || workers.rank === 0) return view
  const nothing = () => {}
  return {
    show: nothing,
    part: nothing,
    phase: nothing,
    note: (text) => {
      if (text.startsWith('Warning')) view.note(text)
    },
    result: nothing,
    end: nothing,
  }
}

/** Warns if other machines can reach this worker at other addresses than its own. */
export function warnOfListening({ workers }: Engine, view: ProgressView): void {
  if (!workers || workers.listensOnlyThere) return
  view.note(
    `Warning: ${workers.nameOf(workers.rank)} listens at all addresses of this machine, because its own is not one of them. ` +
      'Use a private network or a firewall.',
  )
}

/** Warns of addresses that machines outside of a private network may reach. */
export async function warnOfPublic(workers: WorkerOptions, view: ProgressView): Promise<void> {
  const { publicAddresses } = await import('@selfsup/engine')
  const some = publicAddresses(workers.addresses)
  if (some.length === 0) return
  view.note(
    `Warning: ${some.join(', ')} ${some.length === 1 ? 'is not a private address' : 'are not private addresses'}. ` +
      'The connections between workers are neither authenticated nor encrypted: anyone who reaches the port can run ' +
      'operations and read the weights. Use a private network.',
  )
}
