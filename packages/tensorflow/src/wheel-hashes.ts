import { basename } from 'node:path'
import { SelfsupError } from '@selfsup/core'
import { sha256Of } from './library-record.js'
import { wheelHashes } from './wheels.js'

/**
 * Compares a downloaded wheel with the SHA-256 that this package names for its file: an index, a mirror or a proxy may
 * have given another one, or a damaged one. Nothing of it is unpacked before.
 * @throws SelfsupError in one line
 */
export async function verifyWheel(path: string): Promise<void> {
  const name = basename(path)
  const wanted = wheelHashes.get(name)
  if (wanted === undefined)
    throw new SelfsupError(
      `pip downloaded ${name}, which is not a wheel that this version of @selfsup/tensorflow names`,
      { code: 'install-failed', fix: 'point pip to another index' },
    )
  const got = await sha256Of(path)
  if (got !== wanted)
    throw new SelfsupError(
      `the downloaded ${name} is damaged or another one: its SHA-256 is ${got}, and must be ${wanted}`,
      { code: 'install-failed', fix: 'run: pip cache purge' },
    )
}

/**
 * A requirement of a wheel's metadata as the one version whose hash is named here.
 * @param requirement `nvidia-cublas-cu12<13.0,>=12.5.3.2`
 * @returns `nvidia-cublas-cu12==12.9.1.4`
 * @throws SelfsupError if no version is pinned
 */
export function pinnedRequirement(requirement: string): string {
  const distribution = /^[\w.-]*\w/.exec(requirement)?.[0] ?? ''
  const prefix = `${distribution.replace(/[-_.]+/g, '_')}-`
  for (const name of wheelHashes.keys())
    if (name.startsWith(prefix)) return `${distribution}==${name.slice(prefix.length).split('-')[0]}`
  throw new SelfsupError(
    `the wheel needs ${requirement}, of which this version of @selfsup/tensorflow names no file`,
    { code: 'install-failed', fix: 'install the engine that computes on the processor' },
  )
}
