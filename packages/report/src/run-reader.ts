import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import {
  checkpointPaths,
  checkpointStep,
  type EvaluationRecord,
  isRunLocked,
  parseRunConfig,
  type RunConfig,
  readText,
  runPaths,
  totalStepsOf,
} from '@selfsup/run-folder'
import { parametersOf } from './backbone-parameters.js'
import { EvaluationFiles } from './evaluation-files.js'
import { MetricsReader } from './metrics-reader.js'
import type { RunState, RunView } from './page-data.js'

export interface RunReaderOptions {
  readonly id: string
  /** display name */
  readonly name: string
  /** maximum number of points per curve; default 600 */
  readonly points?: number
}

/**
 * Follows the folder of a run while training and evaluation protocols write to it. A file that can't be read does not throw:
 * the view lists it under `problems`.
 */
export class RunReader {
  readonly folder: string
  readonly #options: RunReaderOptions
  readonly #metrics: MetricsReader
  readonly #evaluations: EvaluationFiles
  #config: RunConfig | undefined
  #configStamp = ''
  #configProblem: string | undefined
  #updated = 0
  #checkpoint = 0
  #locked = false
  #images = 0
  #parameters: number | undefined

  constructor(folder: string, options: RunReaderOptions) {
    this.folder = folder
    this.#options = options
    this.#metrics = new MetricsReader(folder, options.points ?? 600)
    this.#evaluations = new EvaluationFiles(folder)
  }

  get id(): string {
    return this.#options.id
  }

  /** Reads the files that have changed. @returns whether any has */
  async update(): Promise<boolean> {
    const config = await this.#readConfig()
    const metrics = await this.#metrics.update().catch(() => false)
    const evaluations = await this.#evaluations.update()
    const state = await this.#readState()
    this.#parameters ??= await parametersOf(this.folder)
    return config || metrics || evaluations || state
  }

  async #readConfig(): Promise<boolean> {
    const path = runPaths(this.folder).config
    const facts = await stat(path).catch(() => undefined)
    const stamp = facts ? `${facts.mtimeMs} ${facts.size}` : 'none'
    if (stamp === this.#configStamp) return false
    this.#configStamp = stamp
    this.#config = undefined
    this.#configProblem = undefined
    try {
      this.#config = parseRunConfig(await readText(path))
    } catch (error) {
      this.#configProblem = facts ? (error as Error).message : `config.json: ${(error as Error).message}`
    }
    return true
  }

  async #readState(): Promise<boolean> {
    const before = this.#fileState()
    const paths = runPaths(this.folder)
    const [newest] = await checkpointPaths(this.folder).catch(() => [])
    this.#checkpoint = newest === undefined ? 0 : checkpointStep(newest)!
    const [log, config, images] = await Promise.all(
      [paths.metrics, paths.config, paths.sheets].map((path) => stat(path).catch(() => undefined)),
    )
    this.#locked = await isRunLocked(this.folder)
    this.#updated = Math.max(log?.mtimeMs ?? 0, config?.mtimeMs ?? 0, this.#evaluations.updated)
    this.#images = images?.mtimeMs ?? 0
    return before !== this.#fileState()
  }

  #fileState(): string {
    return [this.#checkpoint, this.#locked, this.#updated, this.#images].join()
  }

  /** The data of the run for a page, without details. */
  view(): RunView {
    const config = this.#config
    const { settings, stepsPerEpoch } = config ?? {}
    const totalSteps = config && totalStepsOf(config.settings, config.stepsPerEpoch)
    const step = Math.max(this.#checkpoint, this.#metrics.step)
    const latest = this.#metrics.latest()
    const { damagedLines, secondsPerImage } = this.#metrics
    const problems = [this.#configProblem, ...this.#evaluations.problems()]
    if (damagedLines > 0)
      problems.push(`metrics.jsonl: ${damagedLines} ${damagedLines === 1 ? 'line is' : 'lines are'} damaged`)
    return {
      id: this.#options.id,
      name: this.#options.name,
      folder: this.folder,
      state: this.#state(step, totalSteps),
      method: config?.method,
      backbone: config?.backbone?.name,
      images: shapeOf(config),
      step,
      totalSteps,
      stepsPerEpoch,
      parameters: this.#parameters,
      seconds: settings && secondsPerImage > 0 ? secondsPerImage * settings.batchSize : undefined,
      imagesPerSecond: latest.imagesPerSecond,
      latest,
      updated: this.#updated,
      stamp: this.#stamp(),
      facts: config ? factsOf(config) : [],
      problems: problems.filter((problem) => problem !== undefined),
      evaluations: this.#evaluations.records(),
      curves: this.#metrics.curves(),
    }
  }

  #stamp(): string {
    const records = this.#evaluations
      .records()
      .map(({ protocol, step, seconds, images }) => [protocol, step, seconds, images])
    return createHash('sha256')
      .update(JSON.stringify([records, this.#images]))
      .digest('hex')
      .slice(0, 12)
  }

  #state(step: number, totalSteps: number | undefined): RunState {
    if (!this.#config) return 'unreadable'
    if (this.#locked) return 'running'
    return totalSteps !== undefined && step >= totalSteps ? 'finished' : 'stopped'
  }
}

/** A run without the data that only its own page shows. Its size does not grow with the number of steps. */
export function summaryOf({ curves, details, evaluations, ...view }: RunView): RunView {
  return {
    ...view,
    evaluations: evaluations.map(
      ({ charts, confusion, classRecall, neighbours, clusters, ...record }): EvaluationRecord => record,
    ),
  }
}

/** Size and channels of the images; undefined if they are not known. */
function shapeOf(config: RunConfig | undefined): RunView['images'] {
  const { size, channels } = config?.imageShape ?? {}
  return size !== undefined && channels !== undefined ? { size, channels } : undefined
}

function factsOf({
  options,
  dataset,
  settings,
  backbone,
  imageShape,
  versions,
  extensions = [],
}: RunConfig): [string, string][] {
  const facts: [string, unknown][] = [
    ['images', `${dataset.name}, ${dataset.length}`],
    ['backbone', backbone?.name],
    ['image size', imageShape && `${imageShape.size} pixels, ${imageShape.channels} channels`],
    ...Object.entries(settings),
    ...extensions.map(({ step, epochs }): [string, unknown] => [
      'extended',
      `at step ${step}, planned for ${epochs} epochs until then`,
    ]),
    ...Object.entries(options),
    ...Object.entries(versions),
  ]
  return facts.flatMap(([name, value]) =>
    value === undefined || value === null ? [] : [[spaced(name), textOf(value)] as [string, string]],
  )
}

/** Converts `batchSize` to `batch size`; leaves names of packages unchanged. */
function spaced(name: string): string {
  return /^[a-z]+([A-Z][a-z]+)+$/.test(name)
    ? name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
    : name
}

function textOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  const { name, ...rest } = value as Record<string, unknown>
  const parts = Object.entries(rest).map(([key, part]) => `${spaced(key)} ${JSON.stringify(part)}`)
  return [name === undefined ? [] : [String(name)], parts].flat().join(', ')
}
