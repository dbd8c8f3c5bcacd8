import { type Dataset, expected, type Method, migratedFor, SelfsupError, weightNames } from '@selfsup/core'
import {
  lockRun,
  makeRunFolder,
  readRun,
  runPaths,
  startRun,
  totalStepsOf,
  whyNotWritten,
} from '@selfsup/run-folder'
import {
  expectVariables,
  newestCheckpoint,
  positionOf,
  restore,
  type TrainedVariables,
} from './checkpoint.js'
import { describeRun, topologyOf } from './describe-run.js'
import { exportMethod } from './export-backbone.js'

import { learningRateSchedule } from './learning-rate.js'
import { runLoop } from './loop.js'
import { openMetrics } from './metrics-log.js'
import type { TrainOptions, TrainResult } from './options.js'
import { phasesAt } from './phases.js'
import { expectSameRun, precisionWarning } from './same-run.js'
import { settingsFor } from './settings.js'
import { type TrainingStep, trainingStep } from './training-step.js'

/**
 * Trains a method on a dataset, into a folder: config.json, metrics.jsonl, TensorBoard events,
 * checkpoints/ and, at the end, backbone/. Method, backbone, preprocessing and the source of the images are written down, so
 * that `openRun` of @selfsup/runs and the command line open the run without the program that made it. A run that was killed goes on with `resume: true` and ends
 * with the weights it would have had, bit for bit on the same engine.
 *
 * The method and its networks stay the caller's; they hold the trained weights afterwards.
 *
 * @throws SelfsupError before anything is written, when method, settings, dataset or folder don't fit; when the
 *   loss is no longer finite; when the last checkpoint can't be written
 */
export async function train(method: Method, dataset: Dataset, options: TrainOptions): Promise<TrainResult> {
  const { out, engine, config = {}, resume = false, onWarning = () => {} } = options
  const { settings, epochs } = settingsFor(method, dataset, options)
  const { stepsPerEpoch, orderOf } = epochs
  const totalSteps = totalStepsOf(settings, stepsPerEpoch)
  const schedule = learningRateSchedule(settings.learningRate, settings.schedule, {
    totalSteps,
    stepsPerEpoch,
  })
  const description = describeRun(method, dataset, settings, stepsPerEpoch, config, engine)
  phasesAt(method, { step: 0, epoch: 0 }) // so that a wrong name shows before anything is written
  const step = trainingStep(method, settings.optimizer, engine, { steps: totalSteps })
  const started = Date.now()

  try {
    let { backbone } = description
    if (resume) {
      const run = await readRun(out)
      backbone = run.backbone // layers without a name of their own have another one in each process
      expectSameRun({ ...run, options: migratedFor(method, run.options) }, description)
      const warning = precisionWarning(run, description)
      if (warning) onWarning(warning)
    } else await makeRunFolder(out)
    const lock = await writable(out, lockRun(out))
    try {
      if (!resume) await writable(out, startRun(out, description, topologyOf(method)))
      const variables = trainedVariables(method, step)
      const newest = await newestCheckpoint(out, onWarning, (path, content) =>
        expectVariables(path, content, variables),
      )
      if (newest) restore(newest.path, newest.content, variables)
      const position = newest
        ? positionOf(newest.content)
        : { step: 0, smoothedLoss: 0, epochLoss: 0, epochSteps: 0 }

      const end = await runLoop({
        method,
        dataset,
        options,
        settings,
        schedule,
        stepsPerEpoch,
        orderOf,
        totalSteps,
        step,
        variables,
        position,
        checkpoint: newest?.path,
        run: { ...description, backbone },
        log: await writable(out, openMetrics(out, position.step)),
      })
      const exported = runPaths(out).backbone
      await writable(exported, exportMethod(method, exported))
      const seconds = (Date.now() - started) / 1000
      return { ...end, totalSteps, backbone: exported, seconds, imagesPerSecond: end.images / seconds }
    } finally {
      await lock.release()
    }
  } finally {
    step.dispose()
  }
}

/**
 * Gives networks the weights of a run's newest checkpoint, of one that is not finished too.
 * @param networks some or all of the method's, by its names for them
 * @returns how many steps the run had done
 * @throws SelfsupError when the run has no checkpoint or the networks are others than the run's
 */
export async function restoreNetworks(networks: Partial<Method['networks']>, run: string): Promise<number> {
  return restoreNewest(prefixed('networks', weightNames(networks as Method['networks'])), run)
}

/**
 * Gives a method what a run's newest checkpoint holds of it: networks, parameters and state.
 * @param method made as the run's was
 * @returns how many steps the run had done
 * @throws SelfsupError when the run has no checkpoint or the method is another than the run's
 */
export async function restoreMethod(method: Method, run: string): Promise<number> {
  return restoreNewest(methodVariables(method), run)
}

async function restoreNewest(variables: TrainedVariables, run: string): Promise<number> {
  const newest = await newestCheckpoint(run, undefined, (path, content) =>
    expectVariables(path, content, variables),
  )
  expected(newest, `${run} holds no checkpoint`)
  restore(newest.path, newest.content, variables)
  return positionOf(newest.content).step
}

/** Turns what a file system says into words for a person. */
async function writable<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (error instanceof SelfsupError || !(error instanceof Error && 'code' in error)) throw error
    throw new SelfsupError(`${path} can't be written: ${whyNotWritten(error)}`, {
      code: 'write-failed',
      path,
    })
  }
}

/** Everything that training changes, by its name in a checkpoint. */
function trainedVariables(method: Method, step: TrainingStep): TrainedVariables {
  return new Map([...methodVariables(method), ...prefixed('optimizer', Object.entries(step.slots))])
}

function methodVariables({ networks, parameters = {}, state }: Method): TrainedVariables {
  return new Map([
    ...prefixed('networks', weightNames(networks)),
    ...prefixed('parameters', Object.entries(parameters)),
    ...prefixed('state', Object.entries(state)),
  ])
}

function prefixed<Value>(prefix: string, entries: Iterable<readonly [string, Value]>): Map<string, Value> {
  return new Map([...entries].map(([name, value]) => [`${prefix}/${name}`, value]))
}
