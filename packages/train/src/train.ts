import { type Dataset, expected, type Method, migrateOptionsFor, weightNames } from '@selfsup/core'
import {
  explainWriteErrors,
  extendRun,
  lockRun,
  makeRunFolder,
  type RunConfig,
  readRun,
  runPaths,
  runStorage,
  startRun,
  totalStepsOf,
} from '@selfsup/run-folder'
import {
  expectVariables,
  newestCheckpoint,
  positionOf,
  restore,
  type TrainedVariables,
} from './checkpoint.js'
import { describeRun, readingOf, topologyOf } from './describe-run.js'
import { exportMethod } from './export-backbone.js'
import { learningRateSchedule } from './learning-rate.js'
import { runLoop } from './loop.js'
import { noMetrics, openMetrics } from './metrics-log.js'
import type { TrainOptions, TrainResult } from './options.js'
import { phasesAt } from './phases.js'
import { expectSameRun, precisionWarning } from './same-run.js'
import { type FullSettings, settingsFor } from './settings.js'
import { type Together, togetherOn } from './together.js'
import { type TrainingStep, trainingStep } from './training-step.js'

/**
 * Trains a method on a dataset and writes the run to a folder: config.json, metrics.jsonl, TensorBoard events, checkpoints/
 * and, at the end, backbone/.
 *
 * The method, the backbone, the preprocessing and the source of the images are saved, so that `openRun` of @selfsup/runs and
 * the command line can open the run without the program that created it. Resume a killed run with `resume: true`: it ends with
 * the same weights as an uninterrupted run, bit for bit on the same engine.
 *
 * With several workers (`workers` of `prepareEngine`), each calls `train` with the same arguments. Each computes its part of every
 * batch; the weights are those that one worker would get with whole batches, up to rounding. Worker 0 writes the run.
 *
 * The networks of the method contain the trained weights afterwards. The caller disposes of the method.
 *
 * @throws SelfsupError before anything is written, if method, settings, dataset or folder are not valid or don't fit together;
 *   later, if the loss or a weight is not finite, or the last checkpoint can't be written
 */
export async function train(method: Method, dataset: Dataset, options: TrainOptions): Promise<TrainResult> {
  const { out, engine, config = {}, onWarning = () => {} } = options
  const { settings, epochs } = settingsFor(method, dataset, options)
  const { stepsPerEpoch, orderOf } = epochs
  const totalSteps = totalStepsOf(settings, stepsPerEpoch)
  const schedule = learningRateSchedule(settings.learningRate, settings.schedule, {
    totalSteps,
    stepsPerEpoch,
  })
  const description = describeRun(method, dataset, settings, stepsPerEpoch, config, engine)
  phasesAt(method, { step: 0, epoch: 0 }) // reports a wrong name before anything is written
  const step = trainingStep(method, settings.optimizer, engine, { steps: totalSteps })
  const started = Date.now()
  const together = togetherOn(engine, settings.batchSize, options)
  const writes = !together || together.workers.rank === 0

  expected(
    !together || settings.patience === undefined,
    'train: early stopping (patience) is not supported with several workers; leave patience out',
    { code: 'unsupported' },
  )

  try {
    if (together) {
      const { workersTimeout = WORKERS_TIMEOUT } = options
      await together.workers.waitForAll(workersTimeout, (missing) => onWarning(`waiting for ${missing}`))
      together.workers.watch()
      await together.agree(factsOf(description, trainedVariables(method, step), together), workersTimeout)
    }
    // Worker 0 writes the run.
    const backbone = writes
      ? await backboneOfFolder(method, description, totalSteps, options)
      : description.backbone
    const lock = writes ? await explainWriteErrors(out, lockRun(out)) : undefined
    try {
      if (writes) await writeStart(method, description, settings, options)
      const variables = trainedVariables(method, step)
      const newest = writes
        ? await newestCheckpoint(out, onWarning, (path, content) => expectVariables(path, content, variables))
        : undefined
      if (newest) restore(newest.path, newest.content, variables)
      let position = newest
        ? positionOf(newest.content)
        : { step: 0, smoothedLoss: 0, epochLoss: 0, epochSteps: 0 }
      if (together) position = await together.share(variables, position)

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
        topology: topologyOf(method),
        log: writes ? await explainWriteErrors(out, openMetrics(out, position.step)) : noMetrics,
        together,
      })
      const exported = runPaths(out).backbone
      options.onPhase?.('export')
      if (writes) await explainWriteErrors(exported, exportMethod(method, exported, readingOf(dataset)))
      // The others wait for the export. Then the run is complete, whether they have already ended or not.
      if (writes) await together?.meet().catch(() => {})
      else await together?.meet()
      const seconds = (Date.now() - started) / 1000
      return { ...end, totalSteps, backbone: exported, seconds, imagesPerSecond: end.images / seconds }
    } finally {
      await lock?.release()
    }
  } catch (error) {
    throw together ? await together.explain(error, out) : error
  } finally {
    together?.workers.unwatch()
    step.dispose()
  }
}

/**
 * Checks that the folder's run can be resumed, or creates the folder of a new run.
 * @returns the description of the backbone: of the stored run, because names of unnamed layers differ between processes
 */
async function backboneOfFolder(
  method: Method,
  description: RunConfig,
  totalSteps: number,
  { out, resume = false, extend = false, onWarning = () => {} }: TrainOptions,
): Promise<RunConfig['backbone']> {
  if (!resume) {
    await makeRunFolder(out)
    return description.backbone
  }
  const run = await readRun(out)
  const mayDiffer = extend ? ['epochs', 'maxSteps'] : []
  expectSameRun({ ...run, options: migrateOptionsFor(method, run.options) }, description, mayDiffer)
  expected(
    !extend || totalSteps >= run.step,
    `${out} has trained ${run.step} steps already; the new settings make ${totalSteps}. Extend it to more epochs`,
    { path: out },
  )
  const warning = precisionWarning(run, description)
  if (warning) onWarning(warning)
  return run.backbone
}

/** Writes the configuration of a new or extended run, and removes the mark of a run that stopped early. */
async function writeStart(
  method: Method,
  description: RunConfig,
  settings: FullSettings,
  { out, resume = false, extend = false }: TrainOptions,
): Promise<void> {
  if (resume && extend) await explainWriteErrors(out, extended(out, settings))
  if (!resume) await explainWriteErrors(out, startRun(out, description, topologyOf(method)))
  await runStorage.remove(runPaths(out).stopped) // the caller wants to train further
}

/** How long a worker waits for the others at the start. */
const WORKERS_TIMEOUT = 60_000

/** What must be the same on all workers. */
function factsOf(description: RunConfig, variables: TrainedVariables, { rows }: Together) {
  const { versions, method, options, normalisation, dataset, settings, stepsPerEpoch, precision } =
    description
  const { seed, batchSize, ...others } = settings
  return {
    'the version': [versions?.['@selfsup/train'], versions?.['@tensorflow/tfjs-core']],
    'the method': method,
    "the method's options": options,
    'the shapes of weights': [...variables.values()].map(({ shape, dtype }) => [shape, dtype]),
    'the seed': seed,
    'the batch size': batchSize,
    'the other settings': others,
    'the image count': dataset.length,
    'the images': [dataset.fingerprint, dataset.channels],
    'the normalisation': normalisation,
    'the number of steps in an epoch': stepsPerEpoch,
    'the precision': precision,
    'the division of the batch': rows.rows,
    'synchronised batch normalisation': rows.syncBatchNorm,
  }
}

/**
 * Loads the weights of a run's newest checkpoint into networks. The run need not be finished.
 * @param networks some or all networks of the method, by name
 * @returns the number of steps at the checkpoint
 * @throws SelfsupError if the run has no checkpoint, or the networks do not match it
 */
export async function restoreNetworks(networks: Partial<Method['networks']>, run: string): Promise<number> {
  return restoreNewest(prefixed('networks', weightNames(networks as Method['networks'])), run)
}

/**
 * Loads the networks, parameters and state of a run's newest checkpoint into a method.
 * @param method a method created with the same options and backbone as the run's
 * @returns the number of steps at the checkpoint
 * @throws SelfsupError if the run has no checkpoint, or the method does not match it
 */
export async function restoreMethod(method: Method, run: string): Promise<number> {
  return restoreNewest(methodVariables(method), run)
}

async function restoreNewest(variables: TrainedVariables, run: string): Promise<number> {
  const newest = await newestCheckpoint(run, undefined, (path, content) =>
    expectVariables(path, content, variables),
  )
  expected(newest, `${run} contains no checkpoint`, { code: 'not-found', path: run })
  restore(newest.path, newest.content, variables)
  return positionOf(newest.content).step
}

/** Writes new numbers of epochs and steps to the run's configuration, if they differ. */
async function extended(out: string, settings: FullSettings): Promise<void> {
  const run = await readRun(out) // again, now that no other process writes to it
  const { epochs, maxSteps } = run.settings
  if (epochs !== settings.epochs || maxSteps !== settings.maxSteps) await extendRun(run, settings)
}

/** All variables that training changes, by their names in a checkpoint. */
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
