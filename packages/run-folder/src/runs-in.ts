import { SelfsupError } from '@selfsup/core'
import { type MetricsLine, parseMetricsLine } from './metrics.js'
import { type OpenSafetensors, openSafetensorsIn } from './open-safetensors-in.js'
import { type PathsOfRuns, pathsIn } from './paths-in.js'
import { parseRunConfig, type RunConfig } from './run-config.js'
import { totalStepsOf } from './settings.js'
import { type RunStorage, readStored, readStoredText, writeStoredJson } from './storage.js'

/** The configuration of a run, with its progress. */
export interface Run extends RunConfig {
  readonly folder: string
  /** step of the newest checkpoint; 0 if there is none */
  readonly step: number
  /** steps of the whole run */
  readonly totalSteps: number
  /** true after the last step, or if training was stopped early */
  readonly finished: boolean
}

/** A folder contains no run. */
export class NoRunError extends SelfsupError {
  override name = 'NoRunError'

  constructor(folder: string, config: string) {
    super(`${folder} holds no run: there is no ${config}`, { code: 'no-run', path: folder })
  }
}

/** Functions that read and write the runs of a storage. */
export interface RunsInStorage extends PathsOfRuns {
  /**
   * Reads the configuration and progress of the run in a folder, format 3 or 2.
   * @throws NoRunError if the folder contains no run; SelfsupError if its config.json can't be read
   */
  readRun(folder: string): Promise<Run>
  /** Creates the folder of a run. @throws SelfsupError if that fails */
  makeRunFolder(folder: string): Promise<void>
  /**
   * Writes the configuration of a new run. A run in the folder that never saved a step is replaced.
   * @param topology layers of a backbone without a recipe; `config.backbone.topology` names the file
   * @throws SelfsupError if the folder already contains a run
   */
  startRun(folder: string, config: RunConfig, topology?: unknown): Promise<void>
  /**
   * Gives a run another number of epochs: rewrites its config.json, which keeps the earlier numbers under `extensions`.
   * @param settings the new settings
   */
  extendRun(run: Run, settings: RunConfig['settings']): Promise<void>
  /**
   * Writes the configuration of a run again if it is missing: the folder was deleted or moved while the run trains.
   * @returns whether it was missing
   */
  restoreRun(folder: string, config: RunConfig, topology?: unknown): Promise<boolean>
  /**
   * Cuts a run's metrics before the first line after `step`, or before an unfinished line: a resumed run measures those
   * steps again.
   */
  cutMetrics(run: string, step: number): Promise<void>
  /** Opens a safetensors file: see `openSafetensors`. The caller closes `file`. */
  openStoredSafetensors(path: string, sizes: Readonly<Record<string, number>>): Promise<OpenSafetensors>
}

/** Reads and writes the runs of a storage. */
export function runsIn(storage: RunStorage): RunsInStorage {
  const paths = pathsIn(storage)
  const { runPaths, checkpointPaths, checkpointStep } = paths

  async function readRun(folder: string): Promise<Run> {
    const path = runPaths(folder).config
    const text = await readStoredText(storage, path).catch((error: Error) => {
      if (error instanceof SelfsupError && error.code === 'not-found') throw new NoRunError(folder, path)
      throw error
    })
    const config = parseRunConfig(text, path)
    const [newest] = await checkpointPaths(folder)
    const stopped = await storage.has(runPaths(folder).stopped)
    const step = newest ? checkpointStep(newest)! : 0
    const totalSteps = totalStepsOf(config.settings, config.stepsPerEpoch)
    return { ...config, folder, step, totalSteps, finished: step >= totalSteps || stopped }
  }

  /** Writes the topology first: the configuration names its file. */
  async function writeConfig(folder: string, config: RunConfig, topology: unknown): Promise<void> {
    if (topology) await writeStoredJson(storage, runPaths(folder).topology, topology)
    await writeStoredJson(storage, runPaths(folder).config, config)
  }

  /** Removes the files of a run that never saved a step. */
  async function clear(folder: string): Promise<void> {
    for (const name of await storage.list(folder))
      if (/^(checkpoints|metrics\.jsonl|stopped\.json|topology\.json|events\.out\.tfevents\..*)$/.test(name))
        await storage.remove(storage.join(folder, name))
  }

  return {
    ...paths,
    readRun,
    makeRunFolder: (folder) => storage.makeFolder(folder),
    async startRun(folder, config, topology) {
      const other = await readRun(folder).catch((error) => {
        if (error instanceof NoRunError) return undefined
        throw error
      })
      if (other?.step === 0) await clear(folder)
      else if (other) {
        const state = other.finished ? 'finished' : `step ${other.step} of ${other.totalSteps}`
        throw new SelfsupError(`${folder} already holds a run (${other.method}, ${state})`, {
          code: 'run-exists',
          fix: 'resume it, or choose another folder',
          path: folder,
        })
      }
      await writeConfig(folder, config, topology)
    },
    async extendRun({ folder, step, totalSteps: _, finished: __, ...config }, settings) {
      const { epochs, maxSteps } = config.settings
      const extensions = [
        ...(config.extensions ?? []),
        { step, epochs, ...(maxSteps !== undefined && { maxSteps }) },
      ]
      await writeStoredJson(storage, runPaths(folder).config, { ...config, settings, extensions })
    },
    async restoreRun(folder, config, topology) {
      if (await storage.has(runPaths(folder).config)) return false
      await writeConfig(folder, config, topology)
      return true
    },
    async cutMetrics(run, step) {
      const path = runPaths(run).metrics
      if (!(await storage.has(path))) return
      const bytes = await readStored(storage, path)
      const kept = lengthUntil(bytes, (line) => line !== undefined && line.step <= step)
      if (kept < bytes.length) await storage.cut(path, kept)
    },
    openStoredSafetensors: (path, sizes) => openSafetensorsIn(storage, path, sizes),
  }
}

/** Number of bytes of the whole lines from the start on that are wanted. */
function lengthUntil(bytes: Uint8Array, wanted: (line: MetricsLine | undefined) => boolean): number {
  const decoder = new TextDecoder()
  for (let kept = 0; ; ) {
    const end = bytes.indexOf(10, kept)
    if (end < 0 || !wanted(parseMetricsLine(decoder.decode(bytes.subarray(kept, end))))) return kept
    kept = end + 1
  }
}
