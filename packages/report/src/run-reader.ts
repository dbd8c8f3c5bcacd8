import { createHash } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { EvaluationRecord } from '@selfsup/core'
import { z } from 'zod'
import { parametersOf } from './backbone-parameters.js'
import { EvaluationFiles } from './evaluation-files.js'
import { MetricsReader } from './metrics-reader.js'
import type { RunState, RunView } from './page-data.js'
import { readText } from './regular-file.js'

/** What of a run's config.json a page shows; all else in it may be as it likes. */
const runConfig = z.object({
  method: z.string(),
  options: z.record(z.string(), z.unknown()).optional(),
  dataset: z.object({ name: z.string(), length: z.number() }).optional(),
  settings: z
    .looseObject({ epochs: z.number(), batchSize: z.number(), maxSteps: z.number().nullish() })
    .optional(),
  stepsPerEpoch: z.number().optional(),
  config: z
    .looseObject({
      backbone: z.string().optional(),
      pictures: z.object({ size: z.number(), channels: z.union([z.literal(1), z.literal(3)]) }).optional(),
    })
    .optional(),
  versions: z.record(z.string(), z.string()).optional(),
})
type Config = z.infer<typeof runConfig>

/** A lock is touched every 15 s; one that was not for so long belongs to a process that is gone. */
const LOCK_STALE_MS = 120_000

export interface RunReaderOptions {
  readonly id: string
  /** shown to people */
  readonly name: string
  /** points kept of each curve, at most; 600 */
  readonly points?: number
}

/**
 * Follows a run's folder, as `train` and the evaluation protocols write it, half-written and damaged ones too: what can't
 * be read becomes a problem in words.
 */
export class RunReader {
  readonly folder: string
  readonly #options: RunReaderOptions
  readonly #metrics: MetricsReader
  readonly #evaluations: EvaluationFiles
  #config: Config | undefined
  #configStamp = ''
  #configProblem: string | undefined
  #updated = 0
  #checkpoint = 0
  #locked = false
  #pictures = 0
  #parameters: number | undefined

  constructor(folder: string, options: RunReaderOptions) {
    this.folder = folder
    this.#options = options
    this.#metrics = new MetricsReader(join(folder, 'metrics.jsonl'), options.points ?? 600)
    this.#evaluations = new EvaluationFiles(folder)
  }

  get id(): string {
    return this.#options.id
  }

  /** Reads what has changed. @returns whether anything has */
  async update(): Promise<boolean> {
    const config = await this.#readConfig()
    const metrics = await this.#metrics.update().catch(() => false)
    const evaluations = await this.#evaluations.update()
    const state = await this.#readState()
    this.#parameters ??= await parametersOf(this.folder)
    return config || metrics || evaluations || state
  }

  async #readConfig(): Promise<boolean> {
    const path = join(this.folder, 'config.json')
    const facts = await stat(path).catch(() => undefined)
    const stamp = facts ? `${facts.mtimeMs} ${facts.size}` : 'none'
    if (stamp === this.#configStamp) return false
    this.#configStamp = stamp
    this.#config = undefined
    this.#configProblem = undefined
    try {
      const { success, data, error } = runConfig.safeParse(JSON.parse(await readText(path)))
      if (success) this.#config = data
      else this.#configProblem = `config.json is no run's: ${error.issues[0]?.path.join('.')}`
    } catch (error) {
      this.#configProblem = facts ? 'config.json is damaged' : `config.json: ${(error as Error).message}`
    }
    return true
  }

  async #readState(): Promise<boolean> {
    const before = this.#fileState()
    const names = await readdir(join(this.folder, 'checkpoints')).catch(() => [])
    const steps = names.map((name) => Number(/^step-(\d+)\.safetensors$/.exec(name)?.[1] ?? 0))
    this.#checkpoint = Math.max(0, ...steps)
    const [lock, log, config, pictures] = await Promise.all(
      ['lock.json', 'metrics.jsonl', 'config.json', 'pictures'].map((name) =>
        stat(join(this.folder, name)).catch(() => undefined),
      ),
    )
    this.#locked = lock !== undefined && Date.now() - lock.mtimeMs < LOCK_STALE_MS
    this.#updated = Math.max(log?.mtimeMs ?? 0, config?.mtimeMs ?? 0, this.#evaluations.updated)
    this.#pictures = pictures?.mtimeMs ?? 0
    return before !== this.#fileState()
  }

  #fileState(): string {
    return [this.#checkpoint, this.#locked, this.#updated, this.#pictures].join()
  }

  /** The run as a page shows it, without details. */
  view(): RunView {
    const config = this.#config
    const { settings, stepsPerEpoch } = config ?? {}
    const totalSteps =
      settings && stepsPerEpoch
        ? Math.min(stepsPerEpoch * settings.epochs, settings.maxSteps ?? Number.POSITIVE_INFINITY)
        : undefined
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
      backbone: config?.config?.backbone,
      pictures: config?.config?.pictures,
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
      .map(({ protocol, step, seconds }) => [protocol, step, seconds])
    return createHash('sha256')
      .update(JSON.stringify([records, this.#pictures]))
      .digest('hex')
      .slice(0, 12)
  }

  #state(step: number, totalSteps: number | undefined): RunState {
    if (!this.#config) return 'unreadable'
    if (this.#locked) return 'running'
    return totalSteps !== undefined && step >= totalSteps ? 'finished' : 'stopped'
  }
}

/** A run without what only its own page shows: small, however long and however much evaluated it was. */
export function summaryOf({ curves, details, evaluations, ...view }: RunView): RunView {
  return {
    ...view,
    evaluations: evaluations.map(
      ({ charts, confusion, neighbours, clusters, ...record }): EvaluationRecord => record,
    ),
  }
}

function factsOf({ options = {}, dataset, settings, config, versions = {} }: Config): [string, string][] {
  const facts: [string, unknown][] = [
    ['images', dataset && `${dataset.name}, ${dataset.length}`],
    ['backbone', config?.backbone],
    ['pictures', config?.pictures && `${config.pictures.size} pixels, ${config.pictures.channels} channels`],
    ...Object.entries(settings ?? {}),
    ...Object.entries(options),
    ...Object.entries(versions),
  ]
  return facts.flatMap(([name, value]) =>
    value === undefined || value === null ? [] : [[spaced(name), textOf(value)] as [string, string]],
  )
}

/** `batchSize` as `batch size`; names of packages as they are. */
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
