import type { EvaluationRecord } from '@selfsup/run-folder'
import { openParts, readRecords, writeRecord } from '@selfsup/run-folder'
import type { Protocol, ProtocolContext, Subject } from './protocol.js'

/** What records say of the subject beside what protocols find. */
export type RecordFacts = Pick<EvaluationRecord, 'step' | 'images' | 'features'> & {
  /** digest of all weights that the findings depend on */
  readonly weights: string
}

export interface SuiteOptions extends Omit<ProtocolContext, 'once'> {
  /** folder of the run: records are read from and written to `evaluation/` in it */
  readonly run: string
  readonly facts: RecordFacts
  /**
   * what else findings depend on, written down among the records' options: limits, seeds; `baselines`, whether there
   * are any, and `seedCount` are enough when they are more; `maxSteps` matters to protocols that train
   */
  readonly settings: Readonly<Record<string, string | number | boolean>>
  /** do again what is done */
  readonly anew?: boolean
  /** before each protocol that is run, and after each that is done or was */
  readonly onProtocol?: (event: SuiteEvent) => void
}

export interface SuiteEvent {
  readonly protocol: Protocol
  readonly state: 'started' | 'done' | 'kept' | 'impossible'
  /** of `impossible` */
  readonly why?: string
}

export interface SuiteResult {
  /** in the order of the protocols */
  readonly records: readonly EvaluationRecord[]
  /** protocols that the subject lacks something for */
  readonly impossible: readonly { readonly protocol: string; readonly why: string }[]
}

/**
 * Runs protocols one after the other, and writes down each when it is done, and the parts of long ones: a suite that was
 * stopped goes on with the next.
 * What was found of the same weights and images with the same settings is not done again.
 * @throws what a protocol threw; what was done before is kept
 */
export async function runProtocols(
  protocols: readonly Protocol[],
  subject: Subject,
  options: SuiteOptions,
): Promise<SuiteResult> {
  const { run, facts, settings, anew, onProtocol, onProgress, signal } = options
  const before = anew ? new Map<string, EvaluationRecord>() : await readRecords(run)
  const records: EvaluationRecord[] = []
  const impossible: { protocol: string; why: string }[] = []
  for (const [i, protocol] of protocols.entries()) {
    signal?.throwIfAborted()
    const kept = before.get(protocol.name)
    if (kept && holds(kept, protocol, options)) {
      records.push(kept)
      onProtocol?.({ protocol, state: 'kept' })
      continue
    }
    const why = protocol.lacks(subject)
    if (why) {
      impossible.push({ protocol: protocol.name, why })
      onProtocol?.({ protocol, state: 'impossible', why })
      continue
    }
    onProtocol?.({ protocol, state: 'started' })
    const started = performance.now()
    const parts = await openParts(run, protocol.name, { facts, settings }, { anew })
    const findings = await protocol.find(subject, {
      ...options,
      once: parts.once,
      onProgress: (done, what) => onProgress?.((i + done) / protocols.length, `${protocol.name}: ${what}`),
    })
    const record: EvaluationRecord = {
      version: 1,
      protocol: protocol.name,
      subject: subject.name,
      title: protocol.title,
      ...facts,
      ...findings,
      options: { ...findings.options, ...settings },
      seconds: parts.secondsBefore + (performance.now() - started) / 1000,
    }
    await writeRecord(run, record)
    await parts.forget()
    records.push(record)
    onProtocol?.({ protocol, state: 'done' })
  }
  return { records, impossible }
}

/** Whether a record says what would be found now. */
function holds(record: EvaluationRecord, { trains }: Protocol, { facts, settings }: SuiteOptions): boolean {
  const same = (part: 'train' | 'test') =>
    record.images[part]?.fingerprint === facts.images[part].fingerprint &&
    record.images[part]?.count === facts.images[part].count
  return (
    record.weights === facts.weights &&
    same('train') &&
    same('test') &&
    Object.entries(settings).every(
      ([name, value]) => (name === 'maxSteps' && !trains) || covers(name, record.options[name], value),
    )
  )
}

/** Findings with baselines beside them, or of more seeds, say all that is wanted without them, or of fewer. */
function covers(name: string, then: unknown, now: string | number | boolean): boolean {
  if (name === 'baselines' && !now) return true
  return name === 'seedCount' ? Number(then) >= Number(now) : then === now
}
