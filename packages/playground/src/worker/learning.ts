import { normalisationOf } from '@selfsup/augment'
import { convnet } from '@selfsup/backbones'
import { type Method, type Normalisation, resolveOptions } from '@selfsup/core'
import type { Engine } from '@selfsup/engine'
import {
  parseMetricsLine,
  readRun,
  readStored,
  runPaths,
  runStorage,
  writeStoredJson,
} from '@selfsup/run-folder'
import { recommendedSettings, restoreMethod, train } from '@selfsup/train'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import type { Choice, CurvePoint, Look, Report, RunState } from '../messages.js'
import { methods, visitorSettings } from '../methods.js'
import type { Library } from './library.js'
import { lookAt, watchedImages } from './looks.js'
import { keptBackbone } from './weights.js'

/** Name of the run in the browser's database. */
export const RUN = 'playground-run'
/** What is kept of it in addition: not a part of the run. */
const LOOKS = 'playground-progress/looks.json'

/** Side in pixels of the input of networks that start with random weights. */
const INPUT = 32

/** Filters of the networks: a few seconds to minutes on a processor, and minutes on a GPU. */
const widths = { small: [16, 32, 64, 128], medium: [32, 64, 128, 256] } as const

/** Seconds between looks at the watched images, unless a look takes long. */
const LOOK_SECONDS = 4
/** A look may take this part of the time. */
const LOOK_PART = 0.2
/** Milliseconds between reports of steps. */
const REPORT_MS = 200

/** What is kept of a run in addition to its folder. */
interface Kept {
  readonly choice: Choice
  readonly looks: readonly Look[]
  /** whether it was training when the page was left */
  readonly training: boolean
}

/** A run in the browser. */
export interface Learning {
  readonly state: RunState
  readonly method: Method
  readonly choice: Choice
  readonly step: number
  /** side of the network's input in pixels */
  readonly size: number
  readonly normalisation: Normalisation
  /** Trains until the end or `pause`. */
  run(): Promise<void>
  /** Ends `run` after the current step, when everything is saved. */
  pause(): void
  dispose(): void
}

/** Batch size for a number of images: even, and several batches per epoch for few images. */
function batchSizeFor(count: number, engine: Engine['name']): number {
  const most = engine === 'webgpu' ? 128 : engine === 'wasm' ? 64 : 32
  return Math.max(2, Math.min(most, 2 * Math.floor(count / 4)))
}

const settingsOf = (method: string) => visitorSettings[method as keyof typeof visitorSettings]

interface Made {
  readonly method: Method
  readonly size: number
  readonly normalisation: Normalisation
}

async function makeMethod({ method: name, network, weights }: Choice): Promise<Made> {
  const definition = methods[name]!
  const create = (backbone: LayersModel, size: number, normalisation: Normalisation): Made => ({
    method: definition.create(backbone, resolveOptions(definition, settingsOf(name).options), {
      seed: 1,
      normalisation,
    }),
    size,
    normalisation,
  })
  if (weights === undefined)
    return create(convnet({ size: INPUT, widths: widths[network], seed: 1 }), INPUT, normalisationOf(3))
  const { model, preprocessing } = await keptBackbone(weights)
  return create(model, preprocessing.size, preprocessing.normalisation)
}

/** Starts a new run, or opens the one that is kept. */
export async function openLearning(
  library: Library,
  engine: Engine,
  report: (message: Report, transfer?: Transferable[]) => void,
  given?: Choice,
): Promise<{ readonly learning: Learning; readonly goOn: boolean } | undefined> {
  const kept = given ? undefined : await loadKept()
  const choice = given ?? kept?.choice
  if (!choice) return undefined
  const { dataset } = library
  const { method, size, normalisation } = await makeMethod(choice)
  const watched = watchedImages(dataset.length)
  const looks: Look[] = [...(kept?.looks ?? [])]
  let stop = new AbortController()
  let state: RunState = 'none'
  let step = 0
  let totalSteps = choice.steps
  if (kept) {
    const run = await readRun(RUN)
    ;({ step, totalSteps } = run)
    if (step > 0) await restoreMethod(method, RUN)
    state = run.finished ? 'finished' : 'paused'
    for (let last = looks.at(-1); last && last.step > step; last = looks.at(-1)) looks.pop()
  } else {
    await runStorage.remove(RUN)
  }
  const tell = (more: object = {}) => report({ type: 'run', state, choice, step, totalSteps, ...more })
  // The neighbours of the first and the last look alone are shown.
  const inShort = () =>
    looks.map((look, i) => (i === 0 || i === looks.length - 1 ? look : { ...look, neighbours: [] }))
  const keep = () =>
    writeStoredJson(runStorage, LOOKS, {
      choice,
      looks: inShort(),
      training: state === 'training',
    } satisfies Kept)
  tell({ curve: kept ? await storedCurve(step) : [], looks, watched: [...watched] })

  async function look(at: number): Promise<void> {
    const { look, features } = await lookAt(method.networks.backbone, dataset, watched, {
      step: at,
      size,
      normalisation,
    })
    const values = features.values.slice()
    if (!looks.some((other) => other.step === at)) looks.push(look)
    report({ type: 'look', look, features: values, width: features.width }, [values.buffer])
  }
  if (kept && step > 0) await look(step)

  async function run(): Promise<void> {
    stop = new AbortController()
    state = 'training'
    tell()
    await keep()
    const batchSize = kept
      ? (await readRun(RUN)).settings.batchSize
      : batchSizeFor(dataset.length, engine.name)
    const stepsPerEpoch = Math.max(1, Math.floor(dataset.length / batchSize))
    const epochs = Math.ceil(choice!.steps / stepsPerEpoch)
    const definition = methods[choice!.method]!
    const settings = recommendedSettings(
      definition.training(resolveOptions(definition, settingsOf(choice!.method).options)),
      {
        epochs,
        batchSize,
      },
    )
    let points: CurvePoint[] = []
    let told = 0
    let looking: Promise<void> | undefined
    let lookedAt = performance.now()
    let lookTook = 0
    try {
      if (looks.length === 0) await look(0)
      const result = await train(method, dataset, {
        ...settings,
        learningRate: choice!.weights === undefined ? settingsOf(choice!.method).rate : 2e-4,
        optimizer: { name: 'adamw', weightDecay: 1e-4 },
        schedule: { name: 'cosine', warmupEpochs: 0.05 * epochs },
        maxSteps: choice!.steps,
        checkpointEvery: 25,
        keepLast: 1,
        logEvery: 2,
        out: RUN,
        engine,
        resume: await runStorage.has(runPaths(RUN).config),
        signal: stop.signal,
        onWarning: (message) => report({ type: 'alarm', message }),
        onStep({ step: at, totalSteps: total, loss, spread, imagesPerSecond, secondsLeft }) {
          step = at
          totalSteps = total
          points.push({ step: at, loss, ...(spread !== undefined && { spread }) })
          const now = performance.now()
          if (now - told > REPORT_MS || at === total) {
            report({ type: 'steps', points, totalSteps: total, imagesPerSecond, secondsLeft })
            points = []
            told = now
          }
          const due = now - lookedAt > 1000 * LOOK_SECONDS && now - lookedAt > lookTook / LOOK_PART
          if (!due || looking || at === total) return
          lookedAt = now
          looking = look(at).then(async () => {
            lookTook = performance.now() - now
            await keep()
            looking = undefined
          })
        },
      })
      await looking
      step = result.step
      state = result.interrupted ? 'paused' : 'finished'
      await look(step)
    } catch (error) {
      state = step > 0 ? 'paused' : 'none'
      throw error
    } finally {
      await keep().catch(() => {})
      // A run that made no step is not shown: another method can be chosen.
      tell(state === 'none' ? { choice: undefined } : {})
    }
  }

  const learning: Learning = {
    get state() {
      return state
    },
    get step() {
      return step
    },
    method,
    choice,
    size,
    normalisation,
    run,
    pause: () => stop.abort(),
    dispose() {
      method.networks.backbone.dispose()
      method.dispose()
    },
  }
  return { learning, goOn: kept?.training ?? false }
}

/** Forgets the run that is kept. */
export async function forgetLearning(): Promise<void> {
  await runStorage.remove(RUN)
  await runStorage.remove(LOOKS)
}

async function loadKept(): Promise<Kept | undefined> {
  const both = (await runStorage.has(LOOKS)) && (await runStorage.has(runPaths(RUN).config))
  return both ? JSON.parse(new TextDecoder().decode(await readStored(runStorage, LOOKS))) : undefined
}

/** The curve of a run that is kept, until a step. */
async function storedCurve(step: number): Promise<CurvePoint[]> {
  const { metrics } = runPaths(RUN)
  if (!(await runStorage.has(metrics))) return []
  const text = new TextDecoder().decode(await readStored(runStorage, metrics))
  return text.split('\n').flatMap((line) => {
    const { step: at, loss, spread } = parseMetricsLine(line) ?? { step: Number.POSITIVE_INFINITY }
    return loss === undefined || at > step
      ? []
      : [{ step: at, loss, ...(spread !== undefined && { spread }) }]
  })
}
