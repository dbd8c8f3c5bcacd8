import { isDeepStrictEqual } from 'node:util'
import { expected } from '@selfsup/core'
import type { Precision } from '@selfsup/engine'
import type { Run, RunConfig } from '@selfsup/run-folder'

/**
 * A run goes on only as what it was: the same method with the same options, images and settings.
 * @param run with its options as this version calls them
 * @throws SelfsupError naming what differs
 */
export function expectSameRun(run: Run, now: RunConfig): void {
  const differences: string[] = []
  const compare = (name: string, then: unknown, today: unknown) => {
    if (!isDeepStrictEqual(plain(then), plain(today)))
      differences.push(`${name} was ${JSON.stringify(then)}, now ${JSON.stringify(today)}`)
  }
  const compareEach = (kind: string, then: object, today: object) => {
    const [before, after] = [new Map(Object.entries(then)), new Map(Object.entries(today))]
    for (const name of new Set([...before.keys(), ...after.keys()]))
      compare(`${kind}${name}`, before.get(name), after.get(name))
  }
  compare('method', run.method, now.method)
  if (run.method === now.method) compareEach("the method's option ", run.options, now.options)
  if (run.normalisation) compare('normalisation', run.normalisation, now.normalisation) // runs from before it was written down
  compare('number of images', run.dataset.length, now.dataset.length)
  compare('channels', run.dataset.channels, now.dataset.channels)
  if (run.dataset.fingerprint !== now.dataset.fingerprint)
    differences.push('the images are others: some were added, removed or changed since')
  compareEach('', run.settings, now.settings)
  expected(
    differences.length === 0,
    `${run.folder} can't go on, for the run would not be the same: ${differences.join('; ')}`,
    { code: 'run-differs', path: run.folder },
  )
}

/** As it is stored: without what is undefined. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value))
}

/**
 * A warning for a run that continues in another precision than it was started in: its numbers will differ.
 * @returns undefined where the precision is the same
 */
export function precisionWarning(run: Run, now: RunConfig): string | undefined {
  if (run.precision === undefined) {
    if (!/\b(bfloat16|float16)$/.test(run.versions?.engine ?? '')) return undefined
    return (
      'this run was started by a version whose mixed precision also kept weights, optimiser state and momentum networks in ' +
      '16 bits; they are float32 from here on, so that losses and weights will differ from what that version would have given'
    )
  }
  if (run.precision === now.precision) return undefined
  return (
    `this run was started in ${named(run.precision)} and goes on in ${named(now.precision)}, so that losses and weights will ` +
    'differ slightly from what they would have been'
  )
}

function named(precision: Precision | undefined): string {
  return precision === 'mixed-bfloat16' ? 'mixed precision (bfloat16)' : 'float32'
}
