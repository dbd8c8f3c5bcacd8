import { basename, join, relative, resolve as resolvePath } from 'node:path'
import { type ImageDataset, type MethodDefinition, SelfsupError } from '@selfsup/core'
import type { TrainSettings } from '@selfsup/run-folder'
import {
  checkBackbone,
  defaultBackbone,
  defaultNormalisation,
  findMethod,
  type MethodSpec,
  makeMethod,
  makeTaughtMethod,
  openSource,
} from '@selfsup/runs'
import { checkSettings, methodOptions, readConfig, type Settings, splitOf } from '../config.js'
import { type ProgressView, progressView } from '../progress.js'
import { runTraining } from '../training.js'

/** Flags of `selfsup pretrain` as the parser returns them. */
export interface PretrainFlags extends Omit<Settings, 'options'> {
  readonly set?: readonly string[]
  readonly config?: string
  readonly json?: boolean
}

/** `selfsup pretrain METHOD IMAGES`: trains on images without labels and writes a run's folder. */
export async function pretrain(methodName: string, source: string, flags: PretrainFlags): Promise<number> {
  const { set = [], config: configPath, json = false, ...rest } = flags
  const definition = await findMethod(methodName)
  const settings = { ...(configPath ? await readConfig(configPath) : {}), ...checkSettings(rest, 'options') }
  const options = methodOptions(definition, set, settings.options)
  expectTeacher(definition, settings.teacher)
  const { seed = 1, count, strict = false } = settings
  const split = splitOf(settings.split)
  const { backbone = defaultBackbone(definition) } = settings
  await checkBackbone(definition, backbone) // reports a wrong name before images are decoded
  const { out = defaultFolder(methodName, source) } = settings
  expectOutside(out, source)
  const view = progressView(process.stderr, { json })
  const dataset = await openSource(source, { split, size: settings.size, count, strict, onNote: view.note })
  try {
    const { channels } = dataset
    const spec: MethodSpec = {
      method: methodName,
      options,
      imageShape: { size: settings.size ?? (dataset.imageSize ? 32 : 224), channels },
      normalisation: await defaultNormalisation(channels),
      backbone,
      seed,
      imageCount: dataset.length,
    }
    const { recommendedSettings } = await import('@selfsup/train')
    const { batch, warmup: warmupEpochs, ...chosen } = settings
    const { patience = definition.training(options).patience } = settings
    const recommended = definition.training(options)
    const batchSize = batch ?? fittingBatch(recommended.batchSize, dataset, view)
    const train: TrainSettings = {
      ...recommendedSettings(recommended, { ...chosen, batchSize, warmupEpochs }),
      seed,
      maxSteps: settings.limit,
      checkpointEvery: settings.checkpointEvery,
      patience: patience || undefined,
    }
    return await runTraining({
      make: (engine) =>
        settings.teacher === undefined
          ? makeMethod(spec)
          : makeTaughtMethod(spec, settings.teacher, { dataset, engine, onNote: view.note }),
      train,
      out,
      dataset,
      view,
      engine: settings.engine,
    })
  } finally {
    await dataset.close()
  }
}

/** Reports a missing or superfluous teacher before images are decoded. */
function expectTeacher({ name, needsTeacher = false }: MethodDefinition, teacher: string | undefined): void {
  if (needsTeacher === (teacher !== undefined)) return
  throw new SelfsupError(
    needsTeacher
      ? `${name} learns from a trained network; name the folder of a run, or of an exported model, with --teacher`
      : `${name} does not learn from a teacher; leave out --teacher, or use distillation`,
  )
}

/** Default folder of a run: `runs/simclr-my-images`. */
export function defaultFolder(method: string, source: string): string {
  const name = basename(resolvePath(source)).replace(/[^\p{L}\p{N}_.-]+/gu, '-')
  return join('runs', `${method}-${name}`)
}

/** Refuses a run inside the folder of images: its contact sheets would become training images. */
function expectOutside(out: string, source: string): void {
  if (source === 'shapes') return
  const path = relative(resolvePath(source), resolvePath(out))
  if (path === '' || !/^\.\.|^([a-z]:)?[\\/]/i.test(path))
    throw new SelfsupError(
      `the run's folder ${out} is inside the folder of images ${source}; choose a folder outside of it with --out`,
    )
}

/** The method's batch size, or the largest power of 2 that fits a smaller dataset. */
function fittingBatch(recommended: number, { length }: ImageDataset, view: ProgressView): number {
  if (length >= recommended || length < 2) return recommended
  const fitting = 2 ** Math.floor(Math.log2(length))
  view.note(
    `Using batches of ${fitting}: there are only ${length} images; the method's default batch is ${recommended}.`,
  )
  return fitting
}
