import { existsSync } from 'node:fs'
import { basename, join, relative, resolve as resolvePath } from 'node:path'
import { type ImageDataset, type Method, SelfsupError } from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import type { TrainSettings } from '@selfsup/train'
import { checkSettings, methodOptions, readConfig, type Settings } from '../config.js'
import { exitCodes } from '../failure.js'
import { withFix } from '../fixes.js'
import { absoluteSource, openSource } from '../images.js'
import { interruptible } from '../interrupt.js'
import { writePictures } from '../pictures.js'
import { type ProgressView, progressView } from '../progress.js'
import { findMethod } from '../registry.js'
import {
  checkBackbone,
  checkRunConfig,
  defaultBackbone,
  disposeOf,
  makeMethod,
  normalisationFor,
  normalisationOf,
  type RunConfig,
} from '../run.js'
import { duration, shellWord } from '../table.js'
import { writeViews } from '../views-sheet.js'

/** Flags of `selfsup pretrain` as the parser gives them. */
export interface PretrainFlags extends Omit<Settings, 'options'> {
  readonly set?: readonly string[]
  readonly config?: string
  readonly json?: boolean
}

/** `selfsup pretrain METHOD IMAGES`: from images without labels to a run's folder. */
export async function pretrain(methodName: string, source: string, flags: PretrainFlags): Promise<number> {
  const { set = [], config: configPath, json = false, ...rest } = flags
  const definition = await findMethod(methodName)
  const settings = { ...(configPath ? await readConfig(configPath) : {}), ...checkSettings(rest, 'options') }
  const options = methodOptions(definition, set, settings.options)
  const { seed = 1, split = 'train', count, strict = false } = settings
  const { backbone = defaultBackbone(definition) } = settings
  await checkBackbone(definition, backbone) // a wrong name shows before many pictures are decoded
  const { out = defaultFolder(methodName, source) } = settings
  expectOutside(out, source)
  const view = progressView(process.stderr, { json })
  const dataset = await openSource(source, { split, size: settings.size, count, strict, view })
  try {
    const config: RunConfig = {
      method: methodName,
      options,
      images: { source: absoluteSource(source), split: split === 'test' ? 'test' : 'train', count, strict },
      pictures: {
        size: settings.size ?? (dataset.imageSize ? 32 : 224),
        channels: dataset.channels,
      },
      normalisation: await normalisationFor(dataset.channels),
      backbone,
      seed,
    }
    const { recommendedSettings } = await import('@selfsup/train')
    const { batch, warmup: warmupEpochs, ...chosen } = settings
    const recommended = definition.training(options)
    const batchSize = batch ?? fittingBatch(recommended.batchSize, dataset, view)
    const train: TrainSettings = {
      ...recommendedSettings(recommended, { ...chosen, batchSize, warmupEpochs }),
      seed,
      maxSteps: settings.limit,
      checkpointEvery: settings.checkpointEvery,
    }
    return await runTraining({ config, train, out, dataset, view, engine: settings.engine, resume: false })
  } finally {
    await dataset.close()
  }
}

/** Where a run is written that was given no folder: `runs/simclr-my-pictures`. */
export function defaultFolder(method: string, source: string): string {
  const name = basename(resolvePath(source)).replace(/[^\p{L}\p{N}_.-]+/gu, '-')
  return join('runs', `${method}-${name}`)
}

/** A run among the pictures would change what they are: its own pictures would be learned from. */
function expectOutside(out: string, source: string): void {
  if (source === 'shapes') return
  const way = relative(resolvePath(source), resolvePath(out))
  if (way === '' || !/^\.\.|^([a-z]:)?[\\/]/i.test(way))
    throw new SelfsupError(
      `${out}, where the run would be written, lies in the folder of pictures, ${source}; name a folder outside of it with --out`,
    )
}

/** The method's batch, or a smaller one where there are not so many images: a person who named none need not know of it. */
function fittingBatch(recommended: number, { length }: ImageDataset, view: ProgressView): number {
  if (length >= recommended || length < 2) return recommended
  const fitting = 2 ** Math.floor(Math.log2(length))
  view.note(`Batches of ${fitting}, as there are ${length} images; ${recommended} are the method's own.`)
  return fitting
}

/** `selfsup resume RUN`: goes on from the newest checkpoint. */
export async function resume(
  out: string,
  flags: { engine?: Settings['engine']; json?: boolean },
): Promise<number> {
  const { readRun } = await import('@selfsup/train')
  const run = await readRun(out)
  const view = progressView(process.stderr, { json: flags.json ?? false })
  if (run.finished) {
    view.note(
      `${out} is finished: ${run.totalSteps} steps. Judge it with: selfsup evaluate ${shellWord(out)} TRAIN TEST`,
    )
    view.result({ run: out, step: run.step, totalSteps: run.totalSteps, interrupted: false })
    return 0
  }
  const config = checkRunConfig(out, run.config)
  const { source, ...images } = config.images
  const dataset = await openSource(source, {
    ...images,
    ...config.pictures,
    view,
  })
  try {
    return await runTraining({
      config,
      train: run.settings,
      out,
      dataset,
      view,
      engine: flags.engine,
      resume: true,
    })
  } finally {
    await dataset.close()
  }
}

interface Training {
  readonly config: RunConfig
  readonly train: TrainSettings
  readonly out: string
  readonly dataset: ImageDataset
  readonly view: ProgressView
  readonly engine?: Settings['engine']
  readonly resume: boolean
  /** the commands to try next are left out; the demo has its own */
  readonly quiet?: boolean
}

/** Trains what a configuration describes; Ctrl-C saves and ends it. */
export async function runTraining({
  config,
  train,
  out,
  dataset,
  view,
  resume,
  quiet,
  ...rest
}: Training): Promise<number> {
  const { prepareEngine } = await import('@selfsup/engine')
  const engine = await prepareEngine({ engine: rest.engine ?? 'auto' })
  if (!quiet) announce(engine, view)
  const method = await makeMethod(config)
  const interrupt = interruptible(() =>
    view.note('Finishing the step and saving; Ctrl-C again leaves at once.'),
  )
  try {
    const { train: runSteps } = await import('@selfsup/train')
    const result = await runSteps(method, dataset, {
      ...train,
      out,
      engine,
      config,
      resume,
      signal: interrupt.signal,
      onStep: (report) => view.show(report),
      onPictures: (report) => writePictures(join(out, 'pictures'), report),
      onWarning: (message) => view.note(`Warning: ${message}`),
    })
    view.end()
    await showViews(out, { method, dataset, config, view })
    reportSkipped(dataset, view)
    const run = shellWord(out)
    const facts = { run: out, ...result, skipped: dataset.skipped().length }
    if (result.interrupted) {
      view.note(
        `Stopped at step ${result.step} of ${result.totalSteps}, saved. Go on with: selfsup resume ${run}`,
      )
      view.result(facts)
      return exitCodes.interrupted
    }
    const speed = `${duration(result.seconds)}, ${Math.round(result.imagesPerSecond)} images/s`
    view.note(
      `Done: ${result.totalSteps} steps, loss ${result.loss.toFixed(4)}, ${speed}. The run lies in ${out}`,
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
    disposeOf(method)
  }
}

/** Some pictures and their views beside the run, for reports: once, and no run fails for it. */
async function showViews(
  out: string,
  { method, dataset, config, view }: Pick<Training, 'dataset' | 'config' | 'view'> & { method: Method },
): Promise<void> {
  const sheet = join(out, 'pictures', 'views.png')
  if (existsSync(sheet)) return
  try {
    const { size } = config.pictures
    const normalisation = method.normalisation ?? (await normalisationOf(config))
    await writeViews(sheet, { method, dataset, size, normalisation, seed: config.seed })
  } catch (error) {
    view.note(`Warning: no sheet of views: ${(error as Error).message}`)
  }
}

/** Which engine runs, and why no faster one. */
export function announce(engine: Engine, view: ProgressView): void {
  view.note(`Engine: ${engine.description}`)
  for (const { title, reason, ...problem } of engine.missing)
    view.note(withFix(`${title}: ${reason}`, problem))
}

/** One line for all files that were left out, with the first three by name. */
export function reportSkipped(dataset: ImageDataset, view: ProgressView): void {
  const skipped = dataset.skipped()
  if (skipped.length === 0) return
  const some = skipped.slice(0, 3).map(({ path, reason }) => `  ${path}: ${reason}`)
  const more = skipped.length > 3 ? [`  and ${skipped.length - 3} more`] : []
  const files = skipped.length === 1 ? '1 unusable file was' : `${skipped.length} unusable files were`
  view.note([`${files} left out (--strict stops at the first):`, ...some, ...more].join('\n'))
}
