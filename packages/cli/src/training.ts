import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { ImageDataset, Method } from '@selfsup/core'
import type { Engine, WorkerOptions } from '@selfsup/engine'
import { runPaths, type TrainSettings } from '@selfsup/run-folder'
import { disposeMethod, scoreOf, writeViews } from '@selfsup/runs'
import type { StepReport, TrainOptions, TrainPhase } from '@selfsup/train'
import type { Settings } from './config.js'
import { blocksThread, startEngine } from './engine.js'
import { exitCodes } from './failure.js'
import { withFix } from './fixes.js'
import { interruptible } from './interrupt.js'
import type { ProgressView } from './progress.js'
import { writeSamples } from './samples.js'
import { counted, duration, shellWord } from './table.js'
import { type WorkerFlags, warnOfListening, warnOfPublic } from './workers.js'

/** A training run started by the command line. */
export interface Training {
  /** creates the method; called after the engine has started */
  readonly make: (engine: Engine) => Promise<Method>
  readonly train: TrainSettings | ((method: Method, engine: Engine) => Promise<TrainSettings>)
  readonly out: string
  readonly dataset: ImageDataset
  readonly view: ProgressView
  readonly engine?: Settings['engine']
  /** which of several workers this process is */
  readonly together?: Omit<WorkerFlags, 'workers' | 'rank'> & { readonly workers?: WorkerOptions }
  /** given if a run is resumed */
  readonly resume?: Pick<TrainOptions, 'config' | 'extend'>
  /** prints neither the engine nor the commands to try next; the demo prints its own */
  readonly quiet?: boolean
}

function phaseText(phase: TrainPhase, { name }: Engine): string {
  if (phase === 'decode') return 'Decoding the first images'
  if (phase === 'compile')
    return name === 'tensorflow' ? 'Compiling and computing the first step' : 'Computing the first step'
  return phase === 'save' ? 'Saving' : 'Exporting the backbone'
}

/** Milliseconds between checkpoints if a signal can end the run in the middle of a long step (command-thread.ts). */
const SAVE_WITHIN = 60_000

/** Trains. Ctrl-C saves and ends the run. @returns exit code */
export async function runTraining(training: Training): Promise<number> {
  const { make, out, dataset, view, resume, quiet, together = {} } = training
  const { workers, workersTimeout, syncBatchNorm } = together
  if (workers) await warnOfPublic(workers, view)
  view.phase('Starting the engine')
  const engine = await startEngine(training.engine, workers)
  warnOfListening(engine, view)
  const writes = !engine.workers || engine.workers.rank === 0
  if (!quiet) announce(engine, view)
  view.phase('Creating the network')
  const method = await make(engine)
  const interrupt = interruptible(() =>
    view.note('Finishing the step and saving. Press Ctrl-C again to exit immediately.'),
  )
  const reportCompiling = compilingNotes(view)
  try {
    const train = typeof training.train === 'function' ? await training.train(method, engine) : training.train
    const { train: runSteps } = await import('@selfsup/train')
    const result = await runSteps(method, dataset, {
      ...train,
      out,
      engine,
      ...resume,
      ...(syncBatchNorm !== undefined && { syncBatchNorm }),
      ...(workersTimeout !== undefined && { workersTimeout: workersTimeout * 1000 }),
      resume: resume !== undefined,
      signal: interrupt.signal,
      ...(blocksThread(engine) && { saveWithin: SAVE_WITHIN }),
      ...(train.patience !== undefined && {
        score: scoreOf(method, dataset, engine, { signal: interrupt.signal, by: train.stopBy }),
      }),
      onStep: (report) => {
        reportCompiling(report)
        view.show(report)
      },
      onPhase: (phase) => view.phase(phaseText(phase, engine)),
      onSamples: (report) => writeSamples(runPaths(out).sheets, report),
      onWarning: (message) => view.note(`Warning: ${message}`),
    })
    view.end()
    if (writes) await showViews(out, { method, dataset, seed: train.seed, view })
    reportSkipped(dataset, view)
    const run = shellWord(out)
    const facts = { run: out, ...result, skipped: dataset.skipped().length }
    if (result.interrupted) {
      view.note(
        `Stopped at step ${result.step} of ${result.totalSteps} and saved. Continue with: selfsup resume ${run}`,
      )
      view.result(facts)
      return exitCodes.interrupted
    }
    const speed = `${duration(result.seconds)}, ${Math.round(result.imagesPerSecond)} images/s`
    view.note(
      `Done: ${counted(result.totalSteps, 'step')}, loss ${result.loss.toFixed(4)}, ${speed}. The run is in ${out}`,
    )
    if (!quiet) {
      view.note(
        `Next:\n  selfsup evaluate ${run} LABELLED/train LABELLED/test\n  selfsup embed ${run} IMAGES --out features.npy\n  selfsup report ${run} --out report.html`,
      )
    }
    view.result(facts)
    return 0
  } finally {
    view.end()
    interrupt.release()
    disposeMethod(method)
  }
}

/** Reports once that XLA compiles the step while the run trains, and once that it is done. */
function compilingNotes(view: ProgressView): (report: StepReport) => void {
  let compiling = false
  return (report) => {
    const before = compiling
    compiling = report.compiling ?? false
    if (compiling && !before)
      view.note('XLA compiles a faster step in the background. Until then, steps run without it.')
    if (before && !compiling) view.note(`Step ${report.step} and later ones run as XLA compiled them.`)
  }
}

/** Writes a sheet of images and their views to the run's folder, for reports. A failure is only a warning. */
async function showViews(
  out: string,
  { view, ...sheet }: Pick<Training, 'dataset' | 'view'> & { method: Method; seed?: number },
): Promise<void> {
  const path = join(runPaths(out).sheets, 'views.png')
  const { normalisation, imageShape, networks } = sheet.method
  const size = imageShape?.size ?? networks.backbone.inputs[0]!.shape[1]
  if (existsSync(path) || !normalisation || !size) return
  try {
    await writeViews(path, { ...sheet, normalisation, size })
  } catch (error) {
    view.note(`Warning: the sheet of views was not written: ${(error as Error).message}`)
  }
}

/** Prints which engine runs, and why faster ones can't be used. */
export function announce(engine: Engine, view: ProgressView): void {
  const several = engine.workers ? `, one of ${engine.workers.count} workers` : ''
  view.note(`Engine: ${engine.description}${several}`)
  for (const { title, reason, ...problem } of engine.missing)
    view.note(withFix(`${title}: ${reason}`, problem))
}

/** Prints the number of skipped files, and the names of the first three. */
export function reportSkipped(dataset: ImageDataset, view: ProgressView): void {
  const skipped = dataset.skipped()
  if (skipped.length === 0) return
  const some = skipped.slice(0, 3).map(({ path, reason }) => `  ${path}: ${reason}`)
  const more = skipped.length > 3 ? [`  and ${skipped.length - 3} more`] : []
  const files = skipped.length === 1 ? '1 unreadable file was' : `${skipped.length} unreadable files were`
  view.note([`${files} skipped (--strict stops at the first):`, ...some, ...more].join('\n'))
}
