import { SelfsupError } from '@selfsup/core'
import { type Run, readRun, type TrainSettings, totalStepsOf } from '@selfsup/run-folder'
import { methodOfRun, openImagesOfRun, recreateMethod } from '@selfsup/runs'
import type { Settings } from '../config.js'
import type { ProgressView } from '../progress.js'
import { counted, shellWord } from '../table.js'
import { runTraining } from '../training.js'
import { viewOf, type WorkerFlags, workersFrom } from '../workers.js'

/** Flags of `selfsup resume`. */
export interface ResumeFlags extends WorkerFlags {
  /** new location of the images */
  readonly images?: string
  /** extend the run to this number of epochs */
  readonly epochs?: number
  readonly engine?: Settings['engine']
  readonly json?: boolean
}

/** `selfsup resume RUN`: continues from the newest checkpoint, whether the command line or a program started the run. */
export async function resume(out: string, flags: ResumeFlags): Promise<number> {
  const { images, epochs, engine, json = false, workersTimeout, syncBatchNorm } = flags
  const workers = workersFrom(flags)
  const run = await readRun(out)
  const view = viewOf(workers, json)
  if (run.finished && epochs === undefined) {
    view.note(
      `${out} is finished: ${run.totalSteps} steps. Evaluate it with: selfsup evaluate ${shellWord(out)} TRAIN TEST, or train it longer with: selfsup resume ${shellWord(out)} --epochs ${2 * run.settings.epochs}`,
    )
    view.result({ run: out, step: run.step, totalSteps: run.totalSteps, interrupted: false })
    return 0
  }
  const { maxSteps, ...planned } = run.settings
  const train = epochs === undefined ? run.settings : { ...planned, epochs }
  if (epochs !== undefined) await describeExtension(run, train, view)
  await methodOfRun(run) // reports a method that is not in the registry
  if (!run.backbone)
    throw new SelfsupError(
      `${out} was made by a TypeScript program with an older version, which did not save its backbone's architecture; resume it in that program: train(method, dataset, { ...settings, out, resume: true })`,
    )
  const { name, length, source } = run.dataset
  if (!images && !source)
    throw new SelfsupError(
      `${out} was trained on '${name}' (${length} images) but has no path to them; run: selfsup resume ${shellWord(out)} --images IMAGES`,
    )
  view.phase('Looking for the images of the run')
  const dataset = await openImagesOfRun(run, { images, onNote: view.note })
    .catch((error) => {
      throw images === undefined ? withNewLocation(error) : error
    })
    .finally(view.end)
  try {
    return await runTraining({
      make: (engine) => recreateMethod(run, { dataset, engine, onNote: view.note }),
      train,
      out,
      dataset,
      view,
      engine,
      together: { workers, workersTimeout, syncBatchNorm },
      resume: { config: run.config, extend: epochs !== undefined },
    })
  } finally {
    await dataset.close()
  }
}

/**
 * Says what the learning rate does when a run becomes longer.
 * @throws SelfsupError if the run has more epochs already
 */
async function describeExtension(run: Run, train: TrainSettings, view: ProgressView): Promise<void> {
  const { stepsPerEpoch, step, settings, folder, totalSteps: before } = run
  const totalSteps = totalStepsOf(train, stepsPerEpoch)
  if (totalSteps <= step)
    throw new SelfsupError(
      `${folder} has trained ${step} steps already, which is ${counted(Math.floor(step / stepsPerEpoch), 'epoch')}; --epochs must be more than that, got ${train.epochs}`,
    )
  const { learningRateSchedule } = await import('@selfsup/train')
  const rateOf = (of: TrainSettings, steps: number, at: number) =>
    learningRateSchedule(of.learningRate, of.schedule ?? { name: 'cosine' }, {
      totalSteps: steps,
      stepsPerEpoch,
    })(at)
  const [then, now] = [rateOf(settings, before, Math.max(0, step - 1)), rateOf(train, totalSteps, step)]
  const change =
    Math.abs(now - then) <= 1e-3 * settings.learningRate
      ? 'continues at'
      : then < now
        ? 'rises to'
        : 'falls to'
  view.note(
    `The run continues from epoch ${Number((step / stepsPerEpoch).toFixed(1))} to ${train.epochs}, with the schedule of a run of ${train.epochs} epochs: the learning rate was ${short(then)} at the last step, and ${change} ${short(now)}. The result may differ from that of a run that was planned for ${train.epochs} epochs from the start`,
  )
}

/** Adds how to pass the new location of images that are not where the run found them. */
function withNewLocation(error: unknown): unknown {
  if (!(error instanceof SelfsupError && error.code === 'not-found')) return error
  const { problem, code, path } = error
  return new SelfsupError(problem, {
    code,
    path,
    fix: 'if the images have moved, add --images with their new location',
  })
}

/** A learning rate with three digits. */
function short(rate: number): string {
  return String(Number(rate.toPrecision(3)))
}
