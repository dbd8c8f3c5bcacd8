import { basename, join, relative, resolve as resolvePath } from 'node:path'
import { type ImageDataset, SelfsupError } from '@selfsup/core'
import type { TrainSettings } from '@selfsup/run-folder'
import {
  checkBackbone,
  defaultBackbone,
  defaultNormalisation,
  findMethod,
  type MethodSpec,
  makeMethod,
  openSource,
  pretrainedInput,
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
  const { seed = 1, count, strict = false } = settings
  const split = splitOf(settings.split)
  const { backbone = defaultBackbone(definition) } = settings
  await checkBackbone(definition, backbone) // reports a wrong name before images are decoded
  const { out = defaultFolder(methodName, source) } = settings
  expectOutside(out, source)
  const view = progressView(process.stderr, { json })
  const weights = await pretrainedInput(backbone, view.note)
  const dataset = await openSource(source, {
    split,
    size: settings.size ?? (weights && source === 'shapes' ? weights.size : undefined),
    channels: source === 'shapes' ? undefined : (weights?.channels as 1 | 3 | undefined),
    count,
    strict,
    onNote: view.note,
  })
  try {
    const { channels } = dataset
    const spec: MethodSpec = {
      method: methodName,
      options,
      imageShape: { size: settings.size ?? weights?.size ?? (dataset.imageSize ? 32 : 224), channels },
      normalisation: weights?.normalisation ?? (await defaultNormalisation(channels)),
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
    return await runTraining({
      make: () => makeMethod(spec),
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
