import { checkpointPath } from '@selfsup/run-folder'
import { afterEvents } from './after-events.js'
import { batchStream, type PlacedBatch } from './batch-stream.js'
import { type MovingPosition, meanLoss } from './checkpoint.js'
import { earlyStoppingOf } from './early-stopping.js'
import type { LoopParts } from './loop-parts.js'
import type { TrainPhase } from './options.js'
import { type PendingStep, startStep } from './pending-step.js'
import { samplesOf } from './samples.js'
import { savedElsewhere, savingOf } from './saving.js'
import { stepReports } from './step-reports.js'
import { unlessAborted } from './unless-aborted.js'

const flushMs = 5_000

/** Steps that take longer are not queued behind one another: there is little to gain, and an interrupted run would wait for two. */
const SLOW_SECONDS = 0.5

/**
 * Runs the steps of a run from its position to the end, or until the signal is aborted. While the device computes a step, the
 * next batch is decoded. If steps are quick, the next step is queued before the loss of the previous one is read.
 */
export async function runLoop(parts: LoopParts) {
  const { options, totalSteps, log, together } = parts
  const { onWarning = () => {}, onPhase = () => {} } = options
  // Several workers stop after the same step: each reports its wish to the others.
  const signal = together ? undefined : options.signal
  const position: MovingPosition = { ...parts.position }
  const writes = !together || together.workers.rank === 0
  const saving = writes ? savingOf(parts, position) : savedElsewhere(parts, position)
  const reports = stepReports(parts, position, saving.diverged)
  const stopping = earlyStoppingOf(parts, position)
  const showSamples = writes ? samplesOf(parts) : async () => {}
  const batches = batchesFrom(parts)
  // Native TensorFlow writes new values of a variable to new memory, so the old ones stay as they are. The weights of a run that may
  // stop early are measured and compared with those of other checkpoints.
  const background = options.engine.name === 'tensorflow' && !stopping
  let pending: PendingStep | undefined
  let flushed = Date.now()

  try {
    if (!saving.path()) await saveAndShow()
    onPhase('decode')
    while (position.step < totalSteps) {
      const placed = await nextBatch()
      if (!placed) break
      if (reports.images === 0 && !pending) await announce('compile')
      const before = pending
      pending = await startStep(parts, position, placed)
      position.step = placed.step + 1
      if (before) await reports.resolve(before)
      if ((reports.secondsPerStep ?? Number.POSITIVE_INFINITY) > SLOW_SECONDS) await resolvePending()
      await afterEvents() // lets timers, signals and messages of the decoders run
      if (saving.due()) await (background ? startSaving() : save())
      else if (Date.now() - flushed > flushMs) await flush()
      if (signal?.aborted || stopping?.due || position.step >= reports.stopAfter) break
    }
    await resolvePending()
    onPhase('save')
    await save()
    if (stopping && (stopping.due || position.step >= totalSteps)) return await endedEarly()
  } finally {
    await saving.settle().catch(() => {}) // nothing is written after the run's lock is released
    await log.flush().catch(() => {})
    batches.stop()
    pending?.values.dispose()
  }
  return {
    interrupted: position.step < totalSteps,
    step: position.step,
    loss: meanLoss(position.smoothedLoss, position.step),
    checkpoint: saving.end(),
    images: reports.images,
  }

  async function nextBatch(): Promise<PlacedBatch | undefined> {
    try {
      const next = await unlessAborted(batches.next(), signal)
      if (next?.done) position.step = totalSteps // the last epoch had fewer images than the listing
      return next?.value ?? undefined
    } catch (error) {
      if (signal?.aborted) return undefined
      await save()
      throw error
    }
  }

  /** Reports a phase and gives the caller time to show it: compiling can block JavaScript. */
  async function announce(phase: TrainPhase): Promise<void> {
    onPhase(phase)
    await afterEvents()
  }

  async function resolvePending(): Promise<void> {
    const last = pending
    pending = undefined
    if (last) await reports.resolve(last)
  }

  /** Writes everything to disk; waits for the pending step, so that its loss is known to be finite. */
  async function save(): Promise<void> {
    await resolvePending()
    await flush()
    await saveAndShow()
  }

  /** Like `save`, but training continues while the checkpoint is written. */
  async function startSaving(): Promise<void> {
    await resolvePending()
    await flush()
    const started = performance.now()
    if (!(await saving.start())) return
    await showSamples(position.step)
    reports.saved((performance.now() - started) / 1000)
  }

  async function endedEarly() {
    const step = await stopping!.keepBest()
    const loss = meanLoss(position.smoothedLoss, position.step)
    const last = saving.end()
    const checkpoint = step < position.step ? checkpointPath(options.out, step) : last
    return { interrupted: false, step, loss, checkpoint, images: reports.images }
  }

  async function saveAndShow(): Promise<void> {
    const started = performance.now()
    await stopping?.measure()
    if (!(await saving.save())) return
    await showSamples(position.step)
    reports.saved((performance.now() - started) / 1000)
  }

  async function flush(): Promise<void> {
    flushed = Date.now()
    await log
      .flush()
      .catch((error: Error) =>
        onWarning(`metrics could not be written: ${error.message}; training continues and tries again`),
      )
  }
}

/** Reads the batches of a run from its position on and decodes ahead until `stop` is called. */
function batchesFrom(parts: LoopParts) {
  const { method, dataset, settings, stepsPerEpoch, orderOf, position, together } = parts
  const reading = new AbortController()
  const stream = batchStream(dataset, {
    ...settings,
    crops: method.crops,
    stepsPerEpoch,
    orderOf,
    start: position.step,
    signal: reading.signal,
    part: together && { index: together.workers.rank, count: together.workers.count },
  })
  return {
    next: () => stream.next(),
    /** Stops decoding. Does not wait, so that a slow disk does not delay the end of the run. */
    stop(): void {
      reading.abort()
      stream.return(undefined).catch(() => {})
    },
  }
}
