import type { EvaluationRecord } from '@selfsup/run-folder'
import { evaluatedData, openParts, readRecords, writeRecord } from '@selfsup/run-folder'
import type { Protocol, ProtocolContext, Subject } from './protocol.js'

/** Fields of the records that the caller knows. */
export type RecordFacts = Pick<EvaluationRecord, 'step' | 'images' | 'features'> & {
  /** digest of all weights that the results depend on */
  readonly weights: string
}

export interface SuiteOptions extends Omit<ProtocolContext, 'once'> {
  /** the run's folder; records are read from and written to its subfolder `evaluation/` */
  readonly run: string
  readonly facts: RecordFacts
  /**
   * further settings that the results depend on, saved in the records' options: limits, seeds. A saved record is reused if it
   * has the same settings; also if it has `baselines` that are not needed now, or a larger `seedCount`. `maxSteps` only matters
   * for protocols that train
   */
  readonly settings: Readonly<Record<string, string | number | boolean>>
  /** ignore saved results and run all protocols again */
  readonly force?: boolean
  /** called before each protocol that runs, and when a protocol is done, reused or impossible */
  readonly onProtocol?: (event: SuiteEvent) => void
}

export interface SuiteEvent {
  readonly protocol: Protocol
  readonly state: 'started' | 'done' | 'kept' | 'impossible'
  /** reason, if `impossible` */
  readonly why?: string
}

export interface SuiteResult {
  /** in the order of the protocols */
  readonly records: readonly EvaluationRecord[]
  /** protocols that the subject has no data for */
  readonly impossible: readonly { readonly protocol: string; readonly why: string }[]
}

/**
 * Runs protocols one after the other. Saves each record when its protocol is done, and the parts of long protocols, so that an
 * interrupted suite resumes with the next part. Results of the same weights and images with the same settings are reused;
 * results on other images are kept.
 * @throws what a protocol throws; the results before it are saved
 */
export async function runProtocols(
  protocols: readonly Protocol[],
  subject: Subject,
  options: SuiteOptions,
): Promise<SuiteResult> {
  const { run, facts, settings, force, onProtocol, onProgress, signal } = options
  const before = force ? [] : await readRecords(run)
  const records: EvaluationRecord[] = []
  const impossible: { protocol: string; why: string }[] = []
  for (const [i, protocol] of protocols.entries()) {
    signal?.throwIfAborted()
    const kept = before.find(
      (record) => record.protocol === protocol.name && holds(record, protocol, options),
    )
    if (kept) {
      records.push(kept)
      onProtocol?.({ protocol, state: 'kept' })
      continue
    }
    const why = protocol.missing(subject)
    if (why) {
      impossible.push({ protocol: protocol.name, why })
      onProtocol?.({ protocol, state: 'impossible', why })
      continue
    }
    onProtocol?.({ protocol, state: 'started' })
    const started = performance.now()
    const parts = await openParts(run, protocol.name, { facts, settings }, { force })
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

/** Whether a saved record has the results that the protocol would compute now. */
function holds(record: EvaluationRecord, { trains }: Protocol, { facts, settings }: SuiteOptions): boolean {
  return (
    record.weights === facts.weights &&
    evaluatedData(record) === evaluatedData(facts) &&
    Object.entries(settings).every(
      ([name, value]) => (name === 'maxSteps' && !trains) || covers(name, record.options[name], value),
    )
  )
}

/** Whether a saved setting includes the present one: a record with baselines, or with more seeds, has everything that is needed. */
function covers(name: string, then: unknown, now: string | number | boolean): boolean {
  if (name === 'baselines' && !now) return true
  return name === 'seedCount' ? Number(then) >= Number(now) : then === now
}
