import { setTimeout } from 'node:timers/promises'
import { SelfsupError } from '@selfsup/core'
import type { Addon } from './addon.js'
import type { WorkerAddresses } from './server-def.js'

/** Time between two checks of the other workers, and how long one may stay silent. */
const INTERVAL_MS = 2_000
const PATIENCE_MS = 20_000

/** The workers of a training run, as one of them sees the others. */
export class WorkerGroup {
  readonly count: number
  readonly rank: number
  /** `host:port` of each worker */
  readonly addresses: readonly string[]
  /** whether other machines can reach this worker only at its own address; otherwise at all addresses of this machine */
  readonly listensOnlyThere: boolean

  constructor(
    private readonly addon: Pick<
      Addon,
      'checkWorker' | 'watchWorkers' | 'workerFailure' | 'abortCollectives' | 'listenOnly'
    >,
    { addresses, rank }: WorkerAddresses,
  ) {
    this.addresses = addresses
    this.count = addresses.length
    this.rank = rank
    const own = addresses[rank]!
    const colon = own.lastIndexOf(':')
    const host = own.slice(0, colon).replace(/^\[|\]$/g, '')
    this.listensOnlyThere = addon.listenOnly(host, Number(own.slice(colon + 1)))
  }

  /** A worker's number and address, for messages. */
  nameOf(worker: number): string {
    return `worker ${worker} (${this.addresses[worker]})`
  }

  /**
   * Waits until all other workers answer.
   * @param onWaiting called once with the names of workers that are not there yet
   * @throws SelfsupError that names the missing workers after `timeoutMs`
   */
  async waitForAll(timeoutMs: number, onWaiting?: (missing: string) => void): Promise<void> {
    const end = Date.now() + timeoutMs
    let missing = this.others()
    for (let reported = false; ; reported = true) {
      const answers = await Promise.all(missing.map((worker) => this.addon.checkWorker(worker, 5_000)))
      missing = missing.filter((_, i) => answers[i] !== '')
      if (missing.length === 0) return
      const names = missing.map((worker) => this.nameOf(worker)).join(', ')
      if (!reported) onWaiting?.(names)
      if (Date.now() > end) {
        throw new SelfsupError(`${names} did not start within ${Math.round(timeoutMs / 1000)} seconds`, {
          code: 'worker-failed',
          fix: 'start all workers with the same list of addresses, and open their ports to each other',
        })
      }
      await setTimeout(500)
    }
  }

  /** Starts to check the other workers. When one stays silent, pending collective operations end with an error. */
  watch(): void {
    this.addon.watchWorkers(this.count, this.rank, INTERVAL_MS, PATIENCE_MS)
  }

  /** Stops checking the other workers, since they may end now. */
  unwatch(): void {
    this.addon.watchWorkers(0, this.rank, 0, 0)
  }

  /** Ends all pending and later collective operations of this process with an error. */
  abort(reason: string): void {
    this.addon.abortCollectives(reason)
  }

  /**
   * The worker that stopped, after a collective operation failed. Waits until one is found, or all answered.
   * @returns its number; undefined if all workers answer
   */
  async failed(): Promise<number | undefined> {
    const deadline = Date.now() + PATIENCE_MS
    for (;;) {
      const found = this.addon.workerFailure()
      if (found >= 0) return found
      const others = this.others()
      const answers = await Promise.all(others.map((worker) => this.addon.checkWorker(worker, 5_000)))
      const silent = others.find((_, i) => answers[i] !== '')
      if (silent === undefined) return undefined
      // It counts as failed only if it stays silent.
      await setTimeout(1_000)
      if ((await this.addon.checkWorker(silent, 5_000)) !== '') return silent
      if (Date.now() > deadline) return undefined
    }
  }

  private others(): number[] {
    return this.addresses.map((_, worker) => worker).filter((worker) => worker !== this.rank)
  }
}
