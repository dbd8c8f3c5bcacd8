import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SelfsupError } from '@selfsup/core'
import { writeJson } from './atomic-file.js'
import { readText } from './open-file.js'
import { checkpointPaths, checkpointStep, runPaths } from './paths.js'
import { parseRunConfig, type RunConfig } from './run-config.js'
import { totalStepsOf } from './settings.js'

/** A run as it lies in its folder. */
export interface Run extends RunConfig {
  readonly folder: string
  /** steps done at the newest checkpoint; 0 when there is none */
  readonly step: number
  /** steps of the whole run */
  readonly totalSteps: number
  readonly finished: boolean
}

/** There is no run in a folder. */
export class NoRunError extends SelfsupError {
  override name = 'NoRunError'

  constructor(folder: string, config: string) {
    super(`${folder} holds no run: there is no ${config}`, { code: 'no-run', path: folder })
  }
}

/**
 * Reads what a folder says of the run in it, of format 3 or 2.
 * @throws NoRunError when it holds none; SelfsupError when its config.json can't be read
 */
export async function readRun(folder: string): Promise<Run> {
  const path = runPaths(folder).config
  const text = await readText(path).catch((error: Error) => {
    if (error instanceof SelfsupError && error.code === 'not-found') throw new NoRunError(folder, path)
    throw error
  })
  const config = parseRunConfig(text, path)
  const [newest] = await checkpointPaths(folder)
  const step = newest ? checkpointStep(newest)! : 0
  const totalSteps = totalStepsOf(config.settings, config.stepsPerEpoch)
  return { ...config, folder, step, totalSteps, finished: step >= totalSteps }
}

/** Makes the folder of a run. @throws SelfsupError when it can't be */
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
 * Writes down a run that starts. One that never got to save a step is replaced.
 * @param topology layers of a backbone without a recipe: `config.backbone.topology` names the file
 * @throws SelfsupError when the folder holds a run already
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
  // The configuration last: whoever finds it finds what it names.
  await writeJson(paths.config, config)
}

/** Removes what a run that came to nothing left. */
async function clear(folder: string): Promise<void> {
  for (const name of await readdir(folder))
    if (/^(checkpoints|metrics\.jsonl|topology\.json|events\.out\.tfevents\..*)$/.test(name))
      await rm(join(folder, name), { recursive: true, force: true })
}
