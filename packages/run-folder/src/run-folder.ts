import { access, mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { SelfsupError } from '@selfsup/core'
import { writeJson } from './atomic-file.js'
import { readText } from './open-file.js'
import { checkpointPaths, checkpointStep, runPaths } from './paths.js'
import { parseRunConfig, type RunConfig } from './run-config.js'
import { totalStepsOf } from './settings.js'

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

/**
 * Reads the configuration and progress of the run in a folder, format 3 or 2.
 * @throws NoRunError if the folder contains no run; SelfsupError if its config.json can't be read
 */
export async function readRun(folder: string): Promise<Run> {
  const path = runPaths(folder).config
  const text = await readText(path).catch((error: Error) => {
    if (error instanceof SelfsupError && error.code === 'not-found') throw new NoRunError(folder, path)
    throw error
  })
  const config = parseRunConfig(text, path)
  const [newest] = await checkpointPaths(folder)
  const stopped = await access(runPaths(folder).stopped).then(
    () => true,
    () => false,
  )
  const step = newest ? checkpointStep(newest)! : 0
  const totalSteps = totalStepsOf(config.settings, config.stepsPerEpoch)
  return { ...config, folder, step, totalSteps, finished: step >= totalSteps || stopped }
}

/** Creates the folder of a run. @throws SelfsupError if that fails */
export async function makeRunFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    throw new SelfsupError(
      error.code === 'EEXIST' || error.code === 'ENOTDIR'
        ? `${folder} can't be a run's folder: there is a file in its place`
        : `${folder} can't be made: ${error.message}`,
      { code: 'write-failed', path: folder },
    )
  })
}

/**
 * Writes the configuration of a new run. A run in the folder that never saved a step is replaced.
 * @param topology layers of a backbone without a recipe; `config.backbone.topology` names the file
 * @throws SelfsupError if the folder already contains a run
 */
export async function startRun(folder: string, config: RunConfig, topology?: unknown): Promise<void> {
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
  const paths = runPaths(folder)
  if (topology) await writeJson(paths.topology, topology)
  // Write the configuration last: it names the topology file.
  await writeJson(paths.config, config)
}

/**
 * Gives a run another number of epochs: rewrites its config.json, which keeps the earlier numbers under `extensions`.
 * @param settings the new settings
 */
export async function extendRun(
  { folder, step, totalSteps: _, finished: __, ...config }: Run,
  settings: RunConfig['settings'],
): Promise<void> {
  const { epochs, maxSteps } = config.settings
  const extensions = [
    ...(config.extensions ?? []),
    { step, epochs, ...(maxSteps !== undefined && { maxSteps }) },
  ]
  await writeJson(runPaths(folder).config, { ...config, settings, extensions })
}

/**
 * Writes the configuration of a run again if it is missing: the folder was deleted or moved while the run trains.
 * @returns whether it was missing
 */
export async function restoreRun(folder: string, config: RunConfig, topology?: unknown): Promise<boolean> {
  const paths = runPaths(folder)
  const there = await stat(paths.config).catch(() => undefined)
  if (there) return false
  if (topology) await writeJson(paths.topology, topology)
  await writeJson(paths.config, config)
  return true
}

/** Removes the files of a run that never saved a step. */
async function clear(folder: string): Promise<void> {
  for (const name of await readdir(folder))
    if (/^(checkpoints|metrics\.jsonl|stopped\.json|topology\.json|events\.out\.tfevents\..*)$/.test(name))
      await rm(join(folder, name), { recursive: true, force: true })
}
