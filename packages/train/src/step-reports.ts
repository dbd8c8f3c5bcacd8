import type { SelfsupError } from '@selfsup/core'
import { alarmsOf } from './alarms.js'
import { followLoss, type MovingPosition } from './checkpoint.js'
import type { LoopParts } from './loop-parts.js'
import type { PendingStep } from './pending-step.js'
import type { StepValues } from './step-values.js'
import { Stopwatch } from './stopwatch.js'

/** Waits for steps and reports what they computed. */
export interface StepReports {
  /**
   * Waits for a step, adds its loss to the position, the log and the callbacks, and frees its values.
   * @throws SelfsupError if the loss is not finite
   */
  resolve(pending: PendingStep): Promise<void>
  /**
   * number of steps after which all workers stop, because one of them wants to; infinite if none does. One step later than the
   * wish was reported, because some workers have started that step before they read the report
   */
  readonly stopAfter: number
  /** images trained on so far */
  readonly images: number
  /** duration of the last step in seconds; undefined before the second, because the first includes compiling */
  readonly secondsPerStep: number | undefined
  /** Takes note that a checkpoint was written in this time, which is not part of a step. */
  saved(seconds: number): void
}

/** @param diverged creates the error for a loss that is not finite */
export function stepReports(
  parts: LoopParts,
  position: MovingPosition,
  diverged: (what: string, step: number, learningRate: number) => Promise<SelfsupError>,
): StepReports {
  const { options, settings, stepsPerEpoch, totalSteps, log } = parts
  const { onStep, onEpoch, onWarning = () => {} } = options
  const { epochs } = settings
  const watch = new Stopwatch()
  const watchAlarms = alarmsOf(parts.method, onWarning)
  let images = 0
  let secondsPerSave = 0
  let stopAfter = Number.POSITIVE_INFINITY

  return {
    get stopAfter() {
      return stopAfter
    },
    get images() {
      return images
    },
    get secondsPerStep() {
      return watch.lastLap
    },
    saved(seconds) {
      secondsPerSave = seconds
      watch.leaveOut(seconds)
    },
    async resolve(pending) {
      const values = await parts.step.read(pending.values, pending.phases)
      pending.values.dispose()
      if (values.stop) stopAfter = Math.min(stopAfter, pending.step + 2)
      await expectFinite(pending, values)
      watchAlarms(pending.step + 1, values.metrics)
      images += pending.images
      watch.lap(pending.images)
      position.smoothedLoss = followLoss(position.smoothedLoss, values.loss)
      position.epochLoss += values.loss
      position.epochSteps++
      reportStep(pending, values)
      const done = pending.step + 1
      if (done % stepsPerEpoch === 0 || done === totalSteps) reportEpoch(pending)
    },
  }

  async function expectFinite(
    { step, learningRate }: PendingStep,
    { loss, metrics }: StepValues,
  ): Promise<void> {
    if (Number.isFinite(loss)) return
    // With several losses, report the first that is not finite.
    const own = Object.keys(metrics).find((name) => /\/loss$/.test(name) && !Number.isFinite(metrics[name]))
    throw await diverged(`${own ?? 'the loss'} became ${own ? metrics[own] : loss}`, step, learningRate)
  }

  function reportStep(
    { step, epoch, learningRate, compiling }: PendingStep,
    { loss, spread, metrics }: StepValues,
  ): void {
    const done = step + 1
    const { imagesPerSecond } = watch
    const left = secondsLeft(done)
    const shown: { spread?: number } = spread === undefined ? {} : { spread }
    const progress = { epoch, epochs, step: done, totalSteps, loss, learningRate, imagesPerSecond }
    const estimated = left !== undefined && { secondsLeft: left }
    onStep?.({ ...progress, ...estimated, ...(compiling && { compiling }), metrics, ...shown })
    if (done % settings.logEvery === 0 || done === totalSteps)
      log.add({ step: done, epoch, loss, learningRate, imagesPerSecond, ...shown, ...metrics })
  }

  /** Time of the remaining steps and checkpoints; undefined while the time of a step is unknown. */
  function secondsLeft(done: number): number | undefined {
    if (done === totalSteps) return 0
    const { secondsPerLap } = watch
    if (secondsPerLap === undefined) return undefined
    const saves = Math.ceil((totalSteps - done) / settings.checkpointEvery)
    return (totalSteps - done) * secondsPerLap + saves * secondsPerSave
  }

  function reportEpoch({ step, epoch }: PendingStep): void {
    const loss = position.epochLoss / position.epochSteps
    log.add({ step: step + 1, epoch, epochLoss: loss })
    onEpoch?.({ epoch, epochs, step: step + 1, loss })
    position.epochLoss = 0
    position.epochSteps = 0
  }
}
