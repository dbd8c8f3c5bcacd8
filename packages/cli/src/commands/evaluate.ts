import { type EvaluationRecord, SelfsupError, unknownName } from '@selfsup/core'
import type { Protocol } from '@selfsup/evaluation'
import type { Settings } from '../config.js'
import { interruptible } from '../interrupt.js'
import { type Judgement, resultTable } from '../judging/judge.js'
import { openSubject } from '../judging/subject.js'
import { valueTable } from '../judging/value-table.js'
import { progressView } from '../progress.js'
import { duration } from '../table.js'
import { announce, reportSkipped } from './pretrain.js'

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

/** `selfsup evaluate RUN TRAIN TEST`: judges a run's features, an exported model's, or given ones, by protocols. */
export async function evaluate(
  run: string,
  train: string,
  test: string,
  flags: EvaluateFlags,
): Promise<number> {
  const view = progressView(process.stderr)
  const { runProtocols } = await import('@selfsup/evaluation')
  const chosen = await chosenProtocols(flags)
  const { prepareEngine } = await import('@selfsup/engine')
  const engine = await prepareEngine({ engine: flags.engine ?? 'auto' })
  const { limit, strict, baselines = false, other, seed = 1, quick = false, anew } = flags
  // The two quick ones are what runs are compared by while one works: one seed will do.
  const { seeds = flags.all || flags.protocol ? 3 : 1, steps } = flags
  const interrupt = interruptible(() => view.note('Stopping; what is done is kept.'))
  const { signal } = interrupt
  try {
    const opened = await openSubject({
      run,
      train,
      test,
      baselines,
      other,
      limit,
      strict,
      engine,
      view,
      signal,
    })
    if (!flags.json) announce(engine, view)
    const { subject, facts, folder, otherWeights, missing, datasets } = opened
    try {
      const started = performance.now()
      const { records, impossible } = await runProtocols(chosen, subject, {
        run: folder,
        facts,
        engine,
        seed,
        seeds,
        quick,
        maxSteps: steps,
        signal,
        anew,
        settings: {
          limit: limit ?? 0,
          baselines,
          seed,
          seedCount: seeds,
          quick,
          maxSteps: steps ?? 0,
          other: otherWeights,
        },
        onProgress: (done, what) => view.part(done, what),
        onProtocol: ({ protocol, state, why }) => {
          if (state === 'kept') view.note(`${protocol.name}: done before, kept (--anew does it again)`)
          if (state === 'impossible') view.note(`${protocol.name}: left out, as ${why}`)
        },
      })
      view.end()
      const named = flags.protocol !== undefined && records.length === 0
      if (named) throw new SelfsupError(`nothing could be judged: ${impossible[0]!.why}`)
      const results = judgements(records)
      const compact = chosen.every(({ name }) => usual.includes(name)) && results.length > 0
      if (flags.json)
        console.log(
          JSON.stringify({
            run,
            step: facts.step,
            train: facts.images.train.count,
            test: facts.images.test.count,
            ...(missing.length > 0 && { missingClasses: missing }),
            results,
            ...(!compact && { records, impossible }),
          }),
        )
      else console.log(compact ? resultTable(results) : valueTable(records))
      for (const dataset of datasets) reportSkipped(dataset, view)
      if (!compact)
        view.note(`${duration((performance.now() - started) / 1000)}; records: ${folder}/evaluation`)
      return 0
    } finally {
      await opened.close()
    }
  } finally {
    view.end()
    interrupt.release()
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
