import { setImmediate } from 'node:timers/promises'
import type { Dataset, Method } from '@selfsup/core'
import type { Schedule } from '@selfsup/optim'
import * as tf from '@tensorflow/tfjs-core'
import { alarmsOf } from './alarms.js'
import { batchLength, batchStream, type PlacedBatch, stepSeed, toDevice } from './batch-stream.js'
import { followLoss, meanLoss, type Position, type TrainedVariables } from './checkpoint.js'
import type { MetricsLog } from './metrics-log.js'
import type { TrainOptions } from './options.js'
import { phasesAt } from './phases.js'
import { picturesOf } from './pictures.js'
import { savingOf } from './saving.js'
import type { FullSettings } from './settings.js'
import { Stopwatch } from './stopwatch.js'
import type { TrainingStep } from './training-step.js'

export interface LoopParts {
  readonly method: Method
  readonly dataset: Dataset
  readonly options: TrainOptions
  readonly settings: FullSettings
  readonly schedule: Schedule
  readonly stepsPerEpoch: number
  readonly orderOf?: (epoch: number) => Uint32Array
  readonly totalSteps: number
  readonly step: TrainingStep
  readonly variables: TrainedVariables
  /** where to go on */
  readonly position: Position
  /** the checkpoint of that position, if there is one */
  readonly checkpoint: string | undefined
  /** what each checkpoint says of the run */
  readonly run: Readonly<Record<string, unknown>>
  readonly log: MetricsLog
}

/** A step that the device works on; its loss is read when the next one is under way. */
interface Underway {
  readonly step: number
  readonly learningRate: number
  readonly images: number
  readonly phases: readonly string[]
  readonly values: tf.Tensor1D
}

const flushMs = 5_000

/** The steps of a run from a position to its end, or until the signal. */
export async function runLoop(parts: LoopParts) {
  const { options, settings, stepsPerEpoch, totalSteps, step, log } = parts
  const { onStep, onEpoch, onWarning = () => {}, signal } = options
  const position: { -readonly [Key in keyof Position]: Position[Key] } = { ...parts.position }
  const { epochs } = settings
  const watch = new Stopwatch()
  let underway: Underway | undefined
  let images = 0
  let flushed = Date.now()

  const saving = savingOf(parts, position)
  const showPictures = picturesOf(parts)
  const watchAlarms = alarmsOf(parts.method, onWarning)
  if (!saving.path()) await saveAndShow()

  const reading = new AbortController()
  const batches = batchStream(parts.dataset, {
    ...settings,
    crops: parts.method.crops,
    stepsPerEpoch,
    orderOf: parts.orderOf,
    start: position.step,
    signal: reading.signal,
  })

  try {
    while (position.step < totalSteps) {
      const placed = await nextBatch()
      if (!placed) break
      const before = underway
      underway = start(placed)
      position.step = placed.step + 1
      if (before) await settle(before)
      await setImmediate() // timers, signals and the decoders' messages get their turn
      if (saving.due()) await save()
      else if (Date.now() - flushed > flushMs) await flush()
      if (signal?.aborted) break
    }
    await save()
  } finally {
    await log.flush().catch(() => {})
    reading.abort()
    batches.return(undefined).catch(() => {}) // not waited for: a slow disk must not hold up the end
    underway?.values.dispose()
  }
  return {
    interrupted: position.step < totalSteps,
    step: position.step,
    loss: meanLoss(position.smoothedLoss, position.step),
    checkpoint: saving.end(),
    images,
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

  function start({ step: number, batch }: PlacedBatch): Underway {
    const learningRate = parts.schedule(number)
    const epoch = Math.floor(number / stepsPerEpoch)
    const phases = phasesAt(parts.method, { step: number, epoch })
    const device = toDevice(batch)
    const inputs = {
      seed: tf.tensor1d([...stepSeed(settings.seed, number)], 'int32'),
      learningRate: tf.scalar(learningRate),
      highestRate: tf.scalar(settings.learningRate),
      progress: tf.scalar(number / totalSteps),
      epoch: tf.scalar(epoch),
    }
    try {
      const values = step.run(device, inputs, phases)
      return { step: number, learningRate, images: batchLength(batch), phases, values }
    } finally {
      tf.dispose({ ...device, ...inputs })
    }
  }

  async function settle({ step: number, learningRate, images: count, phases, values }: Underway) {
    const { loss, spread, metrics } = await step.read(values, phases)
    values.dispose()
    if (!Number.isFinite(loss)) {
      // Of several, the first that is lost.
      const own = Object.keys(metrics).find((name) => /\/loss$/.test(name) && !Number.isFinite(metrics[name]))
      throw saving.diverged(`${own ?? 'the loss'} became ${own ? metrics[own] : loss}`, number, learningRate)
    }
    watchAlarms(number + 1, metrics)

    const epoch = Math.floor(number / stepsPerEpoch)
    const done = number + 1
    images += count
    watch.lap(count)
    position.smoothedLoss = followLoss(position.smoothedLoss, loss)
    position.epochLoss += loss
    position.epochSteps++

    const { imagesPerSecond } = watch
    const secondsLeft = (totalSteps - done) * watch.secondsPerLap
    const shown: { spread?: number } = spread === undefined ? {} : { spread }
    onStep?.({
      epoch,
      epochs,
      step: done,
      totalSteps,
      loss,
      learningRate,
      imagesPerSecond,
      secondsLeft,
      metrics,
      ...shown,
    })
    if (done % settings.logEvery === 0 || done === totalSteps)
      log.add({ step: done, epoch, loss, learningRate, imagesPerSecond, ...shown, ...metrics })
    if (done % stepsPerEpoch === 0 || done === totalSteps) {
      const epochLoss = position.epochLoss / position.epochSteps
      log.add({ step: done, epoch, epochLoss })
      onEpoch?.({ epoch, epochs, step: done, loss: epochLoss })
      position.epochLoss = 0
      position.epochSteps = 0
    }
  }

  /** Everything up to here on disk: the step under way is waited for, so that its loss is known to be finite. */
  async function save(): Promise<void> {
    const last = underway
    underway = undefined
    if (last) await settle(last)
    await flush()
    await saveAndShow()
  }

  async function saveAndShow(): Promise<void> {
    if (await saving.save()) await showPictures(position.step)
  }

  async function flush(): Promise<void> {
    flushed = Date.now()
    await log
      .flush()
      .catch((error: Error) =>
        onWarning(`metrics not written: ${error.message}; they are kept for the next time`),
      )
  }
}

/** What the promise gives, or undefined as soon as the signal is raised. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T | undefined> {
  if (!signal) return promise
  if (signal.aborted) return Promise.resolve(undefined)
  // Promise.race with one lasting promise of the abort would keep something of every step until the end.
  return new Promise((resolve, reject) => {
    const stop = () => resolve(undefined)
    signal.addEventListener('abort', stop, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
