import { SelfsupError, unknownName } from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import type { Protocol, SuiteResult } from '@selfsup/evaluation'
import { testedOnTraining } from '@selfsup/run-folder'
import { type OpenedSubject, openSubject } from '@selfsup/runs'
import type { Settings } from '../config.js'
import { runOrModel } from '../encoder.js'
import { startEngine } from '../engine.js'
import { type ImageFlags, readingOf } from '../image-flags.js'
import { interruptible } from '../interrupt.js'
import { type ProgressView, progressView } from '../progress.js'
import { type Scores, scoresOf, scoreTable, usualProtocols } from '../score-table.js'
import { writeShares } from '../shares.js'
import { duration, percent } from '../table.js'
import { announce, reportSkipped } from '../training.js'
import { valueTable } from '../value-table.js'

/** Flags of `selfsup evaluate`. */
export interface EvaluateFlags extends ImageFlags {
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
  /** repeat protocols that already have results */
  readonly force?: boolean
  readonly limit?: number
  /** `2/4`: only compute the features of the second of four shares */
  readonly shard?: string
  /** number of shares whose features to join */
  readonly merge?: number
  readonly strict?: boolean
  readonly engine?: Settings['engine']
  readonly json?: boolean
}

/** `selfsup evaluate RUN TRAIN TEST`: evaluates the features of a run, of an exported model, or from files. */
export async function evaluate(
  run: string,
  train: string,
  test: string,
  flags: EvaluateFlags,
): Promise<number> {
  if (flags.shard !== undefined) return writeShares(run, [train, test], flags)
  if (flags.merge !== undefined && flags.limit !== undefined)
    throw new SelfsupError('--merge and --limit are both set; set only one of them')
  const view = progressView(process.stderr)
  const chosen = await chosenProtocols(flags)
  const engine = await startEngine(flags.engine)
  const { limit, strict, baselines, other, merge } = flags
  const interrupt = interruptible(() => view.note('Stopping; finished results are saved.'))
  const { signal } = interrupt
  try {
    const reading = readingOf(flags)
    const request = {
      run,
      train,
      test,
      baselines,
      other,
      limit,
      merge,
      strict,
      reading,
      engine,
      signal,
      onNote: view.note,
    }
    const opened = await runOrModel(run, openSubject(request))
    if (!flags.json) announce(engine, view)
    try {
      const started = performance.now()
      const found = await runChosen(chosen, opened, { ...flags, engine, signal, view })
      view.end()
      if (found.records.length === 0)
        throw new SelfsupError(`nothing could be evaluated: ${found.impossible[0]!.why}`)
      const scores = scoresOf(found.records)
      const onTraining = testedOnTraining(opened.facts)
      if (onTraining > 0 && !flags.json)
        view.note(
          `${onTraining === 1 ? 'These' : `${percent(onTraining)} of these`} are results on the training images: reports mark them and never show them as the best`,
        )
      const compact = chosen.every(({ name }) => usualProtocols.includes(name)) && scores.rows.length > 0
      if (flags.json)
        console.log(JSON.stringify(forScripts(run, opened, scores, compact ? undefined : found)))
      else console.log(compact ? scoreTable(scores) : valueTable(found.records))
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

/** Runs the protocols, except those whose saved results are still valid. */
async function runChosen(
  chosen: readonly Protocol[],
  { subject, facts, folder, otherWeights }: OpenedSubject,
  { engine, signal, view, ...flags }: Context,
): Promise<SuiteResult> {
  const { runProtocols } = await import('@selfsup/evaluation')
  const { limit = 0, baselines = false, seed = 1, quick = false, steps, force } = flags
  // The default protocols serve for quick comparisons during development, for which one seed is enough.
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
    force,
    settings,
    onProgress: (done, what) => view.part(done, what),
    onProtocol: ({ protocol, state, why }) => {
      if (state === 'kept') view.note(`${protocol.name}: results exist (--force repeats it)`)
      if (state === 'impossible') view.note(`${protocol.name}: skipped: ${why}`)
    },
  })
}

/** The JSON output. @param found all records, given if the compact table does not show them */
function forScripts(
  run: string,
  { facts, missing }: OpenedSubject,
  { rows: results, mostFrequentClass, classRecall }: Scores,
  found?: SuiteResult,
) {
  return {
    run,
    step: facts.step,
    ...(testedOnTraining(facts) > 0 && { testedOnTraining: testedOnTraining(facts) }),
    train: facts.images.train.count,
    test: facts.images.test.count,
    ...(missing.length > 0 && { missingClasses: missing }),
    results,
    ...(mostFrequentClass !== undefined && { mostFrequentClass }),
    ...(classRecall && { classRecall }),
    ...found,
  }
}

/** The protocols that the flags choose. @throws SelfsupError if a name is unknown */
async function chosenProtocols({ protocol, all, knn, linear }: EvaluateFlags): Promise<Protocol[]> {
  const { protocols } = await import('@selfsup/evaluation')
  if (all) return [...protocols]
  const named = protocol?.split(',').map((name) => name.trim()) ?? [
    ...(knn ? ['knn'] : []),
    ...(linear ? ['linear-probe'] : []),
  ]
  const names = named.length > 0 ? named : usualProtocols
  const known = protocols.map(({ name }) => name)
  const wrong = names.find((name) => !known.includes(name))
  if (wrong !== undefined)
    throw new SelfsupError(unknownName('protocol', wrong, known), { code: 'unknown-name' })
  return protocols.filter(({ name }) => names.includes(name))
}
