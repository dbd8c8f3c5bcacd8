import { expected } from '@selfsup/core'
import type { Precision } from '@selfsup/engine'
import type { Run, RunConfig } from '@selfsup/run-folder'
import { canonicalJson } from './canonical-json.js'

/**
 * Checks that a run is resumed with the same method, options, images and settings.
 * @param run the stored run, with its options migrated to this version
 * @param mayDiffer names of settings that are not compared
 * @throws SelfsupError that lists the differences
 */
export function expectSameRun(run: Run, now: RunConfig, mayDiffer: readonly string[] = []): void {
  const differences: string[] = []
  const compare = (name: string, then: unknown, today: unknown) => {
    if (canonicalJson(then) !== canonicalJson(today))
      differences.push(`${name} was ${JSON.stringify(then)}, now ${JSON.stringify(today)}`)
  }
  const compareEach = (kind: string, then: object, today: object, except: readonly string[] = []) => {
    const [before, after] = [new Map(Object.entries(then)), new Map(Object.entries(today))]
    for (const name of new Set([...before.keys(), ...after.keys()]))
      if (!except.includes(name)) compare(`${kind}${name}`, before.get(name), after.get(name))
  }
  compare('method', run.method, now.method)
  if (run.method === now.method) compareEach("the method's option ", run.options, now.options)
  if (run.normalisation) compare('normalisation', run.normalisation, now.normalisation) // absent in runs of versions that did not save it
  if (run.teacher?.fingerprint !== now.teacher?.fingerprint)
    differences.push(`the teacher ${run.teacher?.source} has other weights than when the run started`)
  compare('number of images', run.dataset.length, now.dataset.length)
  compare('channels', run.dataset.channels, now.dataset.channels)
  if (run.dataset.fingerprint !== now.dataset.fingerprint)
    differences.push(
      'the images differ: some were added, removed or changed, or have other modification times',
    )
  compareEach('', run.settings, now.settings, mayDiffer)
  expected(
    differences.length === 0,
    `${run.folder} can't be resumed with different settings or data: ${differences.join('; ')}`,
    { code: 'run-differs', path: run.folder },
  )
}

/**
 * A warning for a run that is resumed in a different precision than it was started in, since its numbers will differ.
 * @returns undefined if the precision is the same
 */
export function precisionWarning(run: Run, now: RunConfig): string | undefined {
  if (run.precision === undefined) {
    if (!/\b(bfloat16|float16)$/.test(run.versions?.engine ?? '')) return undefined
    return (
      'this run was started by a version whose mixed precision also stored weights, optimiser state and momentum networks in ' +
      '16 bits; they are float32 from now on, so losses and weights will differ from those of that version'
    )
  }
  if (run.precision === now.precision) return undefined
  return (
    `this run was started in ${named(run.precision)} and continues in ${named(now.precision)}, so losses and weights will ` +
    'differ slightly'
  )
}

function named(precision: Precision | undefined): string {
  return precision === 'mixed-bfloat16' ? 'mixed precision (bfloat16)' : 'float32'
}
