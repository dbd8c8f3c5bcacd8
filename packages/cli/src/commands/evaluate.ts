import { SelfsupError, unknownName } from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import type { Protocol, SuiteResult } from '@selfsup/evaluation'
import type { EvaluationRecord } from '@selfsup/run-folder'
import { type OpenedSubject, openSubject } from '@selfsup/runs'
import type { Settings } from '../config.js'
import { startEngine } from '../engine.js'
import { interruptible } from '../interrupt.js'
import { type ProgressView, progressView } from '../progress.js'
import { duration } from '../table.js'
import { announce, reportSkipped } from '../training.js'
import { type Judgement, resultTable, valueTable } from '../value-table.js'

/** Flags of `selfsup evaluate`. */
export interface EvaluateFlags {
  readonly protocol?: string
  readonly all?: boolean
  readonly knn?: boolean
  readonly linear?: boolean
  readonly baselines?: boolean
  readonly other?: string
  readonly seeds?: number
  readonly seed?: number
  readonly steps?: number
  readonly quick?: boolean
  readonly anew?: boolean
  readonly limit?: number
  readonly strict?: boolean
  readonly engine?: Settings['engine']
  readonly json?: boolean
}

/** The two that are run where none are named. */
const usual = ['knn', 'linear-probe']

/** `selfsup evaluate RUN TRAIN TEST`: evaluates the features of a run, of an exported model, or given ones, by protocols. */
export async function evaluate(
  run: string,
  train: string,
  test: string,
  flags: EvaluateFlags,
): Promise<number> {
  const view = progressView(process.stderr)
  const chosen = await chosenProtocols(flags)
  const engine = await startEngine(flags.engine)
  const { limit, strict, baselines, other } = flags
  const interrupt = interruptible(() => view.note('Stopping; what is done is kept.'))
  const { signal } = interrupt
  try {
    const request = { run, train, test, baselines, other, limit, strict, engine, signal, onNote: view.note }
    const opened = await openSubject(request)
    if (!flags.json) announce(engine, view)
    try {
      const started = performance.now()
      const found = await runChosen(chosen, opened, { ...flags, engine, signal, view })
      view.end()
      if (flags.protocol !== undefined && found.records.length === 0)
        throw new SelfsupError(`nothing could be evaluated: ${found.impossible[0]!.why}`)
      const table = judgements(found.records)
      const compact = chosen.every(({ name }) => usual.includes(name)) && table.length > 0
      if (flags.json) console.log(JSON.stringify(forScripts(run, opened, table, compact ? undefined : found)))
      else console.log(compact ? resultTable(table) : valueTable(found.records))
      for (const dataset of opened.datasets) reportSkipped(dataset, view)
      if (!compact)
        view.note(`${duration((performance.now() - started) / 1000)}; records: ${opened.folder}/evaluation`)
      return 0
    } finally {
      await opened.close()
    }
  } finally {
    view.end()
    interrupt.release()
  }
}

type Context = Omit<EvaluateFlags, 'engine'> & {
  readonly engine: Engine
  readonly signal: AbortSignal
  readonly view: ProgressView
}

/** Runs the protocols; those whose record still holds are kept. */
async function runChosen(
  chosen: readonly Protocol[],
  { subject, facts, folder, otherWeights }: OpenedSubject,
  { engine, signal, view, ...flags }: Context,
): Promise<SuiteResult> {
  const { runProtocols } = await import('@selfsup/evaluation')
  const { limit = 0, baselines = false, seed = 1, quick = false, steps, anew } = flags
  // The two quick ones are what runs are compared by while one works: one seed will do.
  const { seeds = flags.all || flags.protocol ? 3 : 1 } = flags
  const settings = {
    limit,
    baselines,
    seed,
    seedCount: seeds,
    quick,
    maxSteps: steps ?? 0,
    other: otherWeights,
  }
  return runProtocols(chosen, subject, {
    run: folder,
    facts,
    engine,
    seed,
    seeds,
    quick,
    maxSteps: steps,
    signal,
    force: anew,
    settings,
    onProgress: (done, what) => view.part(done, what),
    onProtocol: ({ protocol, state, why }) => {
      if (state === 'kept') view.note(`${protocol.name}: done before, kept (--anew does it again)`)
      if (state === 'impossible') view.note(`${protocol.name}: left out, as ${why}`)
    },
  })
}

/** What a script reads. @param found all that was found, where the table does not show it */
function forScripts(
  run: string,
  { facts, missing }: OpenedSubject,
  results: readonly Judgement[],
  found?: SuiteResult,
) {
  return {
    run,
    step: facts.step,
    train: facts.images.train.count,
    test: facts.images.test.count,
    ...(missing.length > 0 && { missingClasses: missing }),
    results,
    ...found,
  }
}

/** @throws SelfsupError for a name that no protocol has */
async function chosenProtocols({ protocol, all, knn, linear }: EvaluateFlags): Promise<Protocol[]> {
  const { protocols } = await import('@selfsup/evaluation')
  if (all) return [...protocols]
  const named = protocol?.split(',').map((name) => name.trim()) ?? [
    ...(knn ? ['knn'] : []),
    ...(linear ? ['linear-probe'] : []),
  ]
  const names = named.length > 0 ? named : usual
  const known = protocols.map(({ name }) => name)
  const wrong = names.find((name) => !known.includes(name))
  if (wrong !== undefined) throw new SelfsupError(unknownName('protocol', wrong, known))
  return protocols.filter(({ name }) => names.includes(name))
}

/** One line for each kind of features, as long as kNN or the linear probe was asked for. */
function judgements(records: readonly EvaluationRecord[]): Judgement[] {
  const rows = new Map<string, { -readonly [Key in keyof Judgement]: Judgement[Key] }>()
  for (const { protocol, values } of records) {
    if (!usual.includes(protocol)) continue
    for (const { features, metric, value } of values) {
      const row = rows.get(features) ?? { features }
      if (protocol === 'knn') row.knn = value
      else if (metric === 'accuracy') row.linear = value
      else row.linearTop5 = value
      rows.set(features, row)
    }
  }
  return [...rows.values()]
}
