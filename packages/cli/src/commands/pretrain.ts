import { basename, join, relative, resolve as resolvePath } from 'node:path'
import { type MethodDefinition, SelfsupError } from '@selfsup/core'
import type { TrainSettings } from '@selfsup/run-folder'
import {
  checkBackbone,
  defaultBackbone,
  findMethod,
  makeMethod,
  makeMethodWithTeacher,
  normalisationFor,
  openSource,
  pretrainedInput,
} from '@selfsup/runs'
import { automaticChoices } from '../automatic-choices.js'
import { checkFirst } from '../check-first.js'
import { checkSettings, methodOptions, readConfig, type Settings, splitOf } from '../config.js'
import { noteChannels, readingOf } from '../image-flags.js'
import type { ProgressView } from '../progress.js'
import { runTraining, type Training } from '../training.js'
import { viewOf, type WorkerFlags, workersFrom } from '../workers.js'

/** Flags of `selfsup pretrain` as the parser returns them. */
export interface PretrainFlags extends Omit<Settings, 'options'>, WorkerFlags {
  readonly set?: readonly string[]
  readonly config?: string
  readonly json?: boolean
}

/** `selfsup pretrain METHOD IMAGES`: trains on images without labels and writes a run's folder. */
export async function pretrain(methodName: string, source: string, flags: PretrainFlags): Promise<number> {
  const { set = [], config: configPath, json = false, ...others } = flags
  const { workers: _workers, rank: _rank, workersTimeout, syncBatchNorm, ...rest } = others
  const workers = workersFrom(flags)
  const together = { workers, workersTimeout, syncBatchNorm }
  const view = viewOf(workers, json)
  view.phase(`Looking for images in ${source}`)
  try {
    return await pretrainShowing(methodName, source, { set, configPath, rest, view, together })
  } finally {
    view.end()
  }
}

interface Request {
  readonly set: readonly string[]
  readonly configPath?: string
  readonly rest: Settings
  readonly view: ProgressView
  readonly together: Training['together']
}

async function pretrainShowing(
  methodName: string,
  source: string,
  { set, configPath, rest, view, together }: Request,
): Promise<number> {
  const definition = await findMethod(methodName)
  const settings = { ...(configPath ? await readConfig(configPath) : {}), ...checkSettings(rest, 'options') }
  const options = methodOptions(definition, set, settings.options)
  expectTeacher(definition, settings.teacher)
  const { seed = 1, count, strict = false, force = false } = settings
  const split = splitOf(settings.split)
  await checkBackbone(definition, settings.backbone ?? defaultBackbone(definition)) // reports a wrong name before images are decoded
  const { out = defaultFolder(methodName, source) } = settings
  expectOutside(out, source)
  const weights = settings.backbone ? await pretrainedInput(settings.backbone, view.note) : undefined
  const size = settings.size ?? weights?.size
  const dataset = await openSource(source, {
    split,
    size: settings.size ?? (source === 'shapes' ? size : undefined),
    channels: source === 'shapes' ? undefined : (weights?.channels as 1 | 3 | undefined),
    count,
    strict,
    reading: readingOf(settings),
    onNote: view.note,
  })
  try {
    const medianSide = await checkFirst(dataset, view, { source, force })
    const { channels } = dataset
    noteChannels(channels, view.note)
    // The weights' normalisation says nothing about bands that they were not trained with.
    const fits = weights?.channels === channels
    const normalisation = fits ? weights.normalisation : await normalisationFor(dataset)
    if (weights && !fits)
      view.note(
        `The weights are for ${weights.channels} channels; their first layer is adapted to the ${channels} channels of the images`,
      )
    const automatic = automaticChoices({ definition, settings: { ...settings, size }, dataset, medianSide })
    const { recommendedSettings } = await import('@selfsup/train')
    const { batch, warmup: warmupEpochs, ...chosen } = settings
    return await runTraining({
      async make(engine) {
        const { size, backbone } = await automatic.network(engine)
        const imageShape = { size, channels }
        const imageCount = dataset.length
        const spec = { method: methodName, options, imageShape, normalisation, backbone, seed, imageCount }
        return settings.teacher === undefined
          ? makeMethod(spec)
          : makeMethodWithTeacher(spec, settings.teacher, { dataset, engine, onNote: view.note })
      },
      async train(method, engine): Promise<TrainSettings> {
        const recommended = definition.training(options)
        const { patience = recommended.patience } = settings
        const batchSize = batch ?? (await automatic.batch(method, engine, recommended.batchSize))
        await automatic.announce(method, batchSize, engine, view)
        const train = recommendedSettings(recommended, { ...chosen, batchSize, warmupEpochs })
        const steps = Math.min(
          settings.limit ?? Number.POSITIVE_INFINITY,
          train.epochs * Math.floor(dataset.length / batchSize),
        )
        return {
          ...train,
          seed,
          maxSteps: settings.limit,
          checkpointEvery: settings.checkpointEvery,
          ...(steps <= SHORT_RUN && { logEvery: 1 }),
          patience: patience || undefined,
          ...(patience && settings.stopBy && { stopBy: settings.stopBy }),
        }
      },
      out,
      dataset,
      view,
      engine: settings.engine,
      together,
    })
  } finally {
    await dataset.close()
  }
}

/** Runs of at most this many steps log each step. */
const SHORT_RUN = 200

/** Reports a missing or superfluous teacher before images are decoded. */
function expectTeacher({ name, needsTeacher = false }: MethodDefinition, teacher: string | undefined): void {
  if (needsTeacher === (teacher !== undefined)) return
  throw new SelfsupError(
    needsTeacher
      ? `${name} learns from a trained network; name the folder of a run or of an exported model, or a pretrained model, with --teacher`
      : `${name} does not learn from a teacher; leave out --teacher, or use distillation`,
  )
}

/** Default folder of a run: `runs/simclr-my-images`. */
export function defaultFolder(method: string, source: string): string {
  // The query of an address can be secret.
  const path = source.replace(/^(\w+:\/\/[^?]*)\?.*$/s, '$1')
  const name = basename(resolvePath(path)).replace(/[^\p{L}\p{N}_.-]+/gu, '-')
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
