import { expected } from '@selfsup/core'

/** Which of several workers a process is. */
export interface WorkerOptions {
  /** `host:port` of each worker: the same list in the same order for all. This process listens at its own address */
  readonly addresses: readonly string[]
  /** number of this process in the list, from 0 */
  readonly rank: number
}

/** The workers of a training run, as one of them sees the others. */
export interface Workers {
  readonly count: number
  readonly rank: number
  /** whether other machines can reach this worker only at its own address; otherwise at all addresses of this machine */
  readonly listensOnlyThere: boolean
  /** Number and address of a worker, for messages. */
  nameOf(worker: number): string
  /**
   * Waits until all other workers answer.
   * @param onWaiting called once, with the names of the workers that are not there yet
   * @throws SelfsupError that names the missing workers after `timeoutMs`
   */
  waitForAll(timeoutMs: number, onWaiting?: (missing: string) => void): Promise<void>
  /** From now on, ends the exchange with an error if another worker does not answer for 20 seconds, or its port is closed. */
  watch(): void
  /** Stops watching: the other workers may end. */
  unwatch(): void
  /** Ends the exchange with the other workers with an error. */
  abort(reason: string): void
  /** After an exchange failed: the worker that stopped; undefined if all answer. */
  failed(): Promise<number | undefined>
}

/**
 * Checks the list of workers.
 * @returns undefined for a single worker, which needs no exchange
 * @throws SelfsupError if an address or the rank is not valid
 */
export function checkedWorkers(options: WorkerOptions | undefined): WorkerOptions | undefined {
  if (!options) return undefined
  const { addresses, rank } = options
  for (const address of addresses) {
    const port = Number(/^[^\s,/]+:(\d{1,5})$/.exec(address)?.[1])
    expected(
      port > 0 && port < 65536,
      `workers: an address must be host:port with a port from 1 to 65535; got '${address}'`,
    )
  }
  const repeated = addresses.find((address, i) => addresses.indexOf(address) !== i)
  expected(repeated === undefined, `workers: each worker needs its own address; got ${repeated} twice`)
  expected(
    Number.isInteger(rank) && rank >= 0 && rank < addresses.length,
    `workers: rank must be a whole number from 0 to ${addresses.length - 1}, because there are ${addresses.length} workers; got ${rank}`,
  )
  return addresses.length > 1 ? options : undefined
}

/**
 * The addresses that machines outside of a private network may reach: neither loopback nor private (RFC 1918, RFC 4193, RFC 3927).
 * Names are not looked up; a name without a dot, such as a pod's, counts as private.
 */
export function publicAddresses(addresses: readonly string[]): string[] {
  return addresses.filter((address) => {
    const host = address
      .slice(0, address.lastIndexOf(':'))
      .replace(/^\[|\]$/g, '')
      .toLowerCase()
    if (/^\d+\.\d+\.\d+\.\d+$/.test(host)) {
      return !/^(127|10)\.|^192\.168\.|^169\.254\.|^172\.(1[6-9]|2\d|3[01])\./.test(host)
    }
    if (host.includes(':')) return !/^(::1$|f[cd]|fe[89ab])/.test(host)
    return host.includes('.') && !/\.(local|localhost|internal|svc|cluster\.local)$/.test(host)
  })
}
