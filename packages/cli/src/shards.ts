import { stat } from 'node:fs/promises'
import { SelfsupError } from '@selfsup/core'

/** One of several shares of a job. */
export interface Shard {
  /** from 1 */
  readonly number: number
  readonly count: number
}

/** Parses `--shard 2/4`. @throws SelfsupError if the text is not a share */
export function shardOf(text: string): Shard {
  const [, number, count] = /^(\d+)\/(\d+)$/.exec(text) ?? []
  const shard = { number: Number(number), count: Number(count) }
  if (!(shard.number >= 1 && shard.number <= shard.count))
    throw new SelfsupError(`--shard must be i/n, from 1/n to n/n, such as 2/4; got '${text}'`)
  return shard
}

/** The share's consecutive positions, of `length`. All shares together are all positions, in order. */
export function positionsOf({ number, count }: Shard, length: number): Uint32Array {
  const [start, end] = [number - 1, number].map((part) => Math.floor((part * length) / count)) as [
    number,
    number,
  ]
  return Uint32Array.from({ length: end - start }, (_, i) => start + i)
}

/** File of a share: `features.2-of-4.npy` for `features.npy`. */
export function shardPath(out: string, { number, count }: Shard): string {
  return out.replace(/(\.[^.]+)$/, `.${number}-of-${count}$1`)
}

/** Files of all shares, in order. @throws SelfsupError that names the missing ones */
export async function shardPaths(out: string, count: number): Promise<string[]> {
  const paths = Array.from({ length: count }, (_, i) => shardPath(out, { number: i + 1, count }))
  const there = await Promise.all(
    paths.map((path) =>
      stat(path).then(
        () => true,
        () => false,
      ),
    ),
  )
  const missing = paths.filter((_, i) => !there[i])
  if (missing.length > 0)
    throw new SelfsupError(`${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing`, {
      code: 'not-found',
      fix: `write each share with --shard i/${count} first`,
    })
  return paths
}
